"""Makes one folder equal to another, in an order in which Airflow never imports half of a change.

What a DAG file imports comes before the DAG file, and nothing is taken away before the last file is new. Each file
appears whole: it is written beside its place, and renamed. For all files to change at the same moment, see releases of
DAGs.
"""

from __future__ import annotations

import filecmp
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from tradewind.bundle.whole import whole
from tradewind.dags.source import IGNORED
from tradewind.errors import ExitCode, TradewindError


@dataclass(frozen=True)
class Synchronised:
    """What was done: paths inside the folder."""

    written: tuple[str, ...]
    removed: tuple[str, ...]


def sync(source: Path, target: Path) -> Synchronised:
    """Make ``target`` equal to ``source``. The folder above ``target`` must be there: it is what was mounted.

    Raises:
        TradewindError: no such folder, or a link that leads out of ``source``.
    """
    if not source.is_dir():
        raise TradewindError(f"there is no folder {source}", code=ExitCode.USAGE)
    if not target.parent.is_dir():
        raise TradewindError(
            f"there is no folder {target.parent}", "the shared file system is not mounted there", code=ExitCode.USAGE
        )
    wanted = _files(source)
    outside = [name for name in wanted if not (source / name).resolve().is_relative_to(source.resolve())]
    if outside:
        raise TradewindError(f"links lead out of {source}", ", ".join(outside), code=ExitCode.USAGE)
    target.mkdir(exist_ok=True)
    changed = [name for name in sorted(wanted, key=_order) if not _same(source / name, target / name)]
    for name in changed:
        _write(source / name, target / name)
    removed = sorted(_files(target) - wanted)
    for name in removed:
        (target / name).unlink()
    _remove_empty(target)
    return Synchronised(tuple(changed), tuple(removed))


def _files(folder: Path) -> set[str]:
    found = set()
    for place, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name not in IGNORED]
        found |= {str((Path(place) / name).relative_to(folder)) for name in names}
    return found


def _order(name: str) -> tuple[bool, str]:
    """Files in folders (modules, data) first: DAG files at the top import them."""
    return ("/" not in name, name)


def _same(one: Path, two: Path) -> bool:
    return two.is_file() and not two.is_symlink() and filecmp.cmp(one, two, shallow=False)


def _write(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with whole(target) as draft:
        shutil.copyfile(source, draft)
        draft.chmod(0o644)


def _remove_empty(folder: Path) -> None:
    for place, _, _ in os.walk(folder, topdown=False):
        if Path(place) != folder and not any(Path(place).iterdir()):
            Path(place).rmdir()
