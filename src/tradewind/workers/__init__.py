"""Worker pools: how they grow, shrink and change to another revision without losing a task."""
