"""Tables of bad inputs: each must be refused in one line, before anything is made."""
