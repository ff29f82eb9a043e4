"""What is looked at inside an image before it is shipped. Runs there (``python -``), so it needs only Python.

Prints one JSON object: from each check to what is wrong, an empty text where nothing is.
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
"""What helps somebody who has got in, and is needed by nothing that runs."""


def no_tools() -> str:
    """No package manager, compiler or download program."""
    return ", ".join(tool for tool in TOOLS if shutil.which(tool))


def not_root() -> str:
    """The user is not root, and cannot become it."""
    uid = os.getuid()
    return f"the user is {uid}" if uid == 0 else ""


def no_setuid() -> str:
    """No program runs as somebody else than who starts it."""
    return ", ".join(sorted(path for path, mode in _programs() if mode & (stat.S_ISUID | stat.S_ISGID)))


def no_build_secrets() -> str:
    """Nothing is left of what only the build may know."""
    folders = (Path("/run/secrets"), Path("/build"))
    return ", ".join(str(folder) for folder in folders if folder.is_dir() and _entries(folder))


def packages_agree() -> str:
    """Every Python package has what it asks for."""
    try:
        from packaging.requirements import Requirement
    except ImportError:
        return "the package `packaging` is not there, so nothing can be compared"
    wrong = []
    for distribution in importlib.metadata.distributions():
        for line in distribution.requires or []:
            requirement = Requirement(line)
            if requirement.marker and not requirement.marker.evaluate({"extra": ""}):
                continue
            try:
                version = importlib.metadata.version(requirement.name)
            except importlib.metadata.PackageNotFoundError:
                wrong.append(f"{distribution.name} needs {requirement}, which is not there")
                continue
            if not requirement.specifier.contains(version, prereleases=True):
                wrong.append(f"{distribution.name} needs {requirement}, and {version} is there")
    return "; ".join(sorted(set(wrong)))


def starts() -> str:
    """The program of the image starts, with a root that nobody can write to."""
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
