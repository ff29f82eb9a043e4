"""Pools of workers: how they grow, shrink and come to another revision, without a task lost."""
