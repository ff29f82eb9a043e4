"""The scaling policy: how many workers a worker pool should have."""
