"""What runs inside a worker's container."""
