"""The parametrised shower of Grindhammer and Peters."""
