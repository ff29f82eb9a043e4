"""Where the controller finds what others leave for it, in the bucket of an environment or in its folder."""

from __future__ import annotations

RECORDS = "controller/"
"""What it is asked, and what it answers."""
DAGS = "dags/"
"""Releases of DAG files, from which it brings them onto the shared file system."""
