"""Makes releases of DAG files in a shared folder, without a repository."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from tradewind.dag_releases.manifest import DagRelease
from tradewind.dags.build import describe, write
from tradewind.dags.tree import File, Tree


def release(shared: Path, files: Mapping[str, str]) -> DagRelease:
    """Build a DAG release of these files in ``shared/releases``."""
    tree = Tree({path: File(content.encode(), path.endswith(".sh")) for path, content in sorted(files.items())})
    made = describe(tree, "2026-01-01T00:00:00+00:00")
    write(made, tree, shared / "releases")
    return made


def described(files: Mapping[str, str]) -> DagRelease:
    """Only the manifest of these files."""
    return describe(Tree({path: File(content.encode()) for path, content in sorted(files.items())}), "")
