"""Read and write the files of a run, so that tasks on different workers can share them."""

import json
import os
import re
import sqlite3
import tempfile
import uuid
from collections.abc import Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any


def run_folder(dag_id: str, run_id: str) -> Path:
    """Return the folder that belongs to one run: the same on every try and on every worker."""
    root = os.environ.get("TRADEWIND_OUTPUT") or Path(tempfile.gettempdir()) / "tradewind-output"
    return Path(root) / dag_id / re.sub(r"[^\w-]+", "-", run_id)


def write_atomically(path: Path, content: bytes) -> Path:
    """Write so that a reader finds the whole file or no file, even when two tries of a task overlap."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    return path


def to_json(**tables: Sequence[Any]) -> bytes:
    """Serialise tables of dataclass rows, one JSON array for each name."""
    content = {name: [asdict(row) for row in rows] for name, rows in tables.items()}
    return json.dumps(content, indent=1, ensure_ascii=False).encode()


def to_sqlite(**tables: Sequence[dict[str, Any]]) -> bytes:
    """Return a SQLite database, one table for each name and one column for each key, as bytes.

    It is built in memory and written in one piece, because SQLite's locks are not reliable on a network file system,
    which the workers of a large platform share.
    """
    with closing(sqlite3.connect(":memory:")) as database:
        for name, rows in tables.items():
            columns = ", ".join(rows[0])
            marks = ", ".join(f":{column}" for column in rows[0])
            database.execute(f"CREATE TABLE {name} ({columns})")
            database.executemany(f"INSERT INTO {name} VALUES ({marks})", rows)  # noqa: S608 - names are ours
        database.commit()
        return database.serialize()


def from_sqlite(path: Path, query: str) -> list[sqlite3.Row]:
    """Run one query on a finished database file, without a lock."""
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?immutable=1", uri=True)) as database:
        database.row_factory = sqlite3.Row
        return database.execute(query).fetchall()
