"""The CaloChallenge: how the field compares calorimeter surrogates."""
