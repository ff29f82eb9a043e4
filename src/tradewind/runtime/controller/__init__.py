"""The resident service of an environment: does what operators ask for, and keeps the number of workers."""
