"""What GET /metrics tells: families of numbers, the requests among them, and several workers."""
