"""How many workers there should be, and how a fleet gets there without a task lost."""
