"""Releases of DAG files: what one is, where releases lie on the shared file system, and which is active."""
