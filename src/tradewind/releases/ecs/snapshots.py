"""Copies of the database before another Airflow migrates it."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

from tradewind.releases.target import Progress, Stage, State

SNAPSHOT_HOURS = 12
"""A snapshot that is not older was taken by this deployment, before it was killed."""


def before(image: str, others: frozenset[str], rds: Any, database: str) -> Progress | None:
    """One step nearer to a snapshot before ``image`` replaces ``others``; None when there is one."""
    mark = hashlib.sha256(f"{sorted(others)} {image}".encode()).hexdigest()[:12]
    begins = f"{database}-before-{mark}-"
    now = datetime.now(UTC)
    pages = rds.get_paginator("describe_db_snapshots").paginate(DBInstanceIdentifier=database, SnapshotType="manual")
    for snapshot in (snapshot for page in pages for snapshot in page["DBSnapshots"]):
        name = snapshot["DBSnapshotIdentifier"]
        # While it is being created it has no time yet.
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
    return Progress(State.PENDING, f"snapshot {name} begins", Stage.PREPARING)
