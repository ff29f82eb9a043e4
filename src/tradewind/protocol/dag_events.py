"""What the DAG processor writes into Airflow's audit log, so that people and deployments see how far a release is.

The column ``extra`` is JSON: ``bundle``, ``release``, and the ``serial`` of the pointer.
"""

from __future__ import annotations

SERVED = "dag_release.served"
"""Every file that the release changed is parsed, and what it did not change is the release's: runs start on it."""
CONFIRMED = "dag_release.confirmed"
"""Every file of the release is parsed, or need not be."""
PROGRESS = "dag_release.progress"
"""Files are parsed; ``extra`` has ``left``, how many of the release are not yet. Seconds apart, where it takes long."""
