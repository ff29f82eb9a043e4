"""Checks for operators: whether an environment matches its design."""
