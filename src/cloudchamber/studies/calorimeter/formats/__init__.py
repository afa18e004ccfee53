"""Files of calorimeter showers."""
