"""From hits to data: pulses as exponentials, exact filters, the sensor's response, sampling; and what theory says of the result."""
