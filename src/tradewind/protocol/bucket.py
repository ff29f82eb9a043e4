"""The prefixes that the controller reads in the bucket of an environment, or in its folder."""

from __future__ import annotations

RECORDS = "controller/"
"""Commands and their results."""
DAGS = "dags/"
"""DAG releases. The controller copies them from here to the shared file system."""
