"""Events that the DAG processor writes to Airflow's audit log, for users and deployments that follow a DAG release.

The column ``extra`` is JSON: ``bundle``, ``release``, and the ``serial`` of the pointer.
"""

from __future__ import annotations

SERVED = "dag_release.served"
"""Every file that the release changed is parsed, and unchanged DAGs belong to the release: runs start on it."""
CONFIRMED = "dag_release.confirmed"
"""Every file of the release is parsed, or does not need to be."""
PROGRESS = "dag_release.progress"
"""Parsing continues. ``left`` in ``extra`` is the number of files that remain. Written every few seconds."""
