"""Releases: what runs in an environment as one object, how it gets there, and how it gets back."""
