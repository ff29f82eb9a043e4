"""Snapshots of the database, taken before another version of Airflow migrates it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from tradewind.releases.target import Progress, Stage, State

SNAPSHOT_HOURS = 12
"""A snapshot that is not older is from this deployment, before it was killed."""


def before(image: str, others: frozenset[str], rds: Any, database: str) -> Progress | None:
    """Take one step towards a snapshot before ``image`` replaces ``others``. Returns None when there is one."""
    mark = hashlib.sha256(f"{sorted(others)} {image}".encode()).hexdigest()[:12]
    begins = f"{database}-before-{mark}-"
    now = datetime.now(UTC)
    pages = rds.get_paginator("describe_db_snapshots").paginate(DBInstanceIdentifier=database, SnapshotType="manual")
    for snapshot in (snapshot for page in pages for snapshot in page["DBSnapshots"]):
        name = snapshot["DBSnapshotIdentifier"]
        # A snapshot has no time while it is being created.
        recent = now - snapshot.get("SnapshotCreateTime", now) < timedelta(hours=SNAPSHOT_HOURS)
        if not name.startswith(begins) or not recent:
            continue
        if snapshot["Status"] == "available":
            return None
        if snapshot["Status"] == "creating":
            percent = snapshot.get("PercentProgress", 0)
            return Progress(State.PENDING, f"snapshot {name}: {percent} %", Stage.PREPARING)
        return Progress(State.FAILED, f"the snapshot {name} is {snapshot['Status']}: delete it, and deploy again")
    name = f"{begins}{now:%Y%m%d%H%M%S}"
    rds.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier=database)
    return Progress(State.PENDING, f"snapshot {name}: started", Stage.PREPARING)
