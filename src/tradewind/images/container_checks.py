"""The checks of an image before it is shipped. They run inside it (``python -``), so they need only Python.

Prints one JSON object: maps each check to its problem, or to an empty text.
"""

from __future__ import annotations

import importlib.metadata
import json
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

TOOLS = ("apt", "apt-get", "dpkg", "apk", "pip", "pip3", "uv", "gcc", "cc", "ld", "make", "perl", "curl", "wget")
"""Tools that help an intruder, and that no program of the image needs."""


def no_tools() -> str:
    """No package manager, compiler or download program."""
    return ", ".join(tool for tool in TOOLS if shutil.which(tool))


def not_root() -> str:
    """The user is not root."""
    uid = os.getuid()
    return f"the user is root (uid {uid})" if uid == 0 else ""


def no_setuid() -> str:
    """No program runs as another user or group than its caller."""
    return ", ".join(sorted(path for path, mode in _programs() if mode & (stat.S_ISUID | stat.S_ISGID)))


def no_build_secrets() -> str:
    """No secret of the build is left."""
    folders = (Path("/run/secrets"), Path("/build"))
    return ", ".join(str(folder) for folder in folders if folder.is_dir() and _entries(folder))


def packages_agree() -> str:
    """Every Python package has the packages that it requires."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return "the package `packaging` is missing, so requirements cannot be compared"
    wrong = []
    for distribution in importlib.metadata.distributions():
        for line in distribution.requires or []:
            requirement = Requirement(line)
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            try:
                version = importlib.metadata.version(requirement.name)
            except importlib.metadata.PackageNotFoundError:
                wrong.append(f"{distribution.name} needs {requirement}, which is not installed")
                continue
            if not requirement.specifier.contains(version, prereleases=True):
                wrong.append(f"{distribution.name} needs {requirement}, but {version} is installed")
    return "; ".join(sorted(set(wrong)))


def starts() -> str:
    """The program of the image starts on a read-only root file system."""
    program = ["airflow", "version"] if shutil.which("airflow") else ["celery", "--version"]
    ended = subprocess.run(program, capture_output=True, text=True, check=False)  # noqa: S603
    return "" if ended.returncode == 0 else f"{' '.join(program)}: {ended.stderr.strip()[-500:]}"


def _programs() -> Iterator[tuple[str, int]]:
    waiting = [Path("/")]
    while waiting:
        for path in _entries(waiting.pop()):
            mode = path.lstat().st_mode
            if stat.S_ISDIR(mode):
                waiting.append(path)
            elif stat.S_ISREG(mode):
                yield str(path), mode


def _entries(folder: Path) -> list[Path]:
    if str(folder) in {"/proc", "/sys", "/dev"}:
        return []
    try:
        return list(folder.iterdir())
    except PermissionError:
        return []


CHECKS: tuple[Callable[[], str], ...] = (not_root, no_tools, no_setuid, no_build_secrets, packages_agree, starts)

if __name__ == "__main__":
    json.dump({check.__name__: check() for check in CHECKS}, sys.stdout)
