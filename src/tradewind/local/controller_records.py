"""Where the controller of this machine and those who ask it find each other."""

from __future__ import annotations

from tradewind.dag_releases.shared_folder import RELEASES
from tradewind.local.paths import Home
from tradewind.storage.artifacts import FolderArtifacts
from tradewind.storage.records import FolderRecords

NAME = "local"
POLL_S = 0.2


def records(home: Home) -> FolderRecords:
    """What is asked of the controller of a home, and what it answers."""
    return FolderRecords(home.controller)


def store(home: Home) -> FolderArtifacts:
    """The DAG releases that the controller of a home is given. One machine needs no second place for them."""
    return FolderArtifacts(home.dags / RELEASES)
