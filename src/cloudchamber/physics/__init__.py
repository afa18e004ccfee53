"""What two or more studies use."""
