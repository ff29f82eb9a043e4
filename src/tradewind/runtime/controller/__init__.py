"""The controller, a resident service of an environment: runs the operators' commands and scales the workers."""
