"""What starts, pins, loads and counts; it knows nothing of a row."""
