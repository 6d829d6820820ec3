"""SMS services, and the numbers that they send to."""
