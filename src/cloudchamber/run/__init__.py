"""What a trained run is: its files, the model they make, the domain it answers in."""
