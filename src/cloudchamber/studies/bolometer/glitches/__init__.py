"""The other direction: pulses in a stream's data, found by a matched filter and judged by a network."""
