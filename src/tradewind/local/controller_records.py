"""The folders through which commands and the controller of this machine exchange requests, results and releases."""

from __future__ import annotations

from tradewind.dag_releases.shared_folder import RELEASES
from tradewind.local.paths import StateDirectory
from tradewind.storage.artifacts import FolderArtifacts
from tradewind.storage.records import FolderRecords

NAME = "local"
POLL_S = 0.2


def records(state_dir: StateDirectory) -> FolderRecords:
    """Return the commands to the controller of a platform, and their results."""
    return FolderRecords(state_dir.controller)


def store(state_dir: StateDirectory) -> FolderArtifacts:
    """Return the DAG releases for the controller of a platform. One machine needs no separate store for them."""
    return FolderArtifacts(state_dir.dags / RELEASES)
