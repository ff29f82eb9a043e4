"""The platform starts in each surrounding, or prints the reason in one line. ``make soak`` tries each one alone."""

from __future__ import annotations

import os
import shutil
import subprocess

import pytest
import surroundings as around
from tests.counts import SOAK

pytestmark = [
    pytest.mark.local,
    pytest.mark.skipif(
        not around.can_be_made() and not os.environ.get("TRADEWIND_SKIP_NOTHING"),
        reason="only root can make namespaces and mount in them",
    ),
]

ROOT = (
    around.PRIVATE + around.LONG_PATH + around.UMASK + around.NO_SETPRIV + around.READ_ONLY_HOME + around.PORTS
    + around.MEMORY
)  # fmt: skip
USER = around.ORDINARY_USER + around.NO_EXEC + around.SMALL_SHM + around.NO_IPV6 + around.NO_HOME
WORKS = around.ALL if os.environ.get(SOAK) else (USER,)
"""A test with a full disk uses ``ROOT``."""
OTHERS = ("python3.12", "python3.13")


@pytest.mark.parametrize("surrounding", WORKS, ids=lambda surrounding: surrounding.name)
def test_the_platform_starts_and_runs_a_dag(surrounding: around.Surrounding) -> None:
    with around.place() as place:
        printed = surrounding.tried(place, "tw up --run inflight\ntw down --now")
    assert "inflight succeeded" in printed, printed
    assert "exit code" not in printed, printed


@pytest.mark.parametrize(
    ("surrounding", "why"),
    [
        (around.NAMELESS_USER, f"error: PostgreSQL cannot run here: the user {around.NAMELESS} has no name"),
        (
            around.PRIVATE + around.NO_CAPABILITY,
            "error: PostgreSQL cannot run here: postgres does not run as root, and the user 65534 may not enter ",
        ),
    ],
    ids=("a user without a name", "root that may not enter a private home"),
)
def test_what_cannot_be_is_said_in_one_line(surrounding: around.Surrounding, why: str) -> None:
    with around.place() as place:
        printed = surrounding.tried(place, "tw up")
    said = [line for line in printed.splitlines() if line.startswith(("error: ", "hint: "))]
    assert [line.replace("initdb does", "postgres does")[: len(why)] for line in said[:1]] == [why]
    assert len(said) == 2
    assert printed.rstrip().endswith("exit code 1")


@pytest.mark.parametrize("size", ["100k", "30m", "42m"], ids=("at once", "in initdb", "in the migration"))
def test_a_full_disk_is_told_and_with_room_it_goes_on(size: str) -> None:
    goes_on = size == "42m" or bool(os.environ.get(SOAK))
    again = "tw up --run inflight\ntw down --now" if goes_on else ""
    with around.place() as place:
        surrounding = ROOT + around.full_disk(size) if goes_on else around.full_disk(size)
        printed = surrounding.tried(place, f"tw up\necho == room\n{around.ROOM}\n{again}")
    first, _, second = printed.partition("== room")
    assert "error: the disk with " in first
    assert " is full: " in first
    assert "hint: free some disk space, then tradewind up" in first
    assert not again or ("inflight succeeded" in second and "exit code" not in second), second


@pytest.mark.soak
@pytest.mark.parametrize("python", OTHERS)
def test_from_a_fresh_clone_with_another_python(python: str) -> None:
    """The two commands of README, with their installation."""
    found = shutil.which(python)
    if not found:
        pytest.skip(f"there is no {python}")
    with around.place() as folder:
        clone = folder / around.LONG / "tradewind"
        subprocess.run(["git", "clone", "--quiet", str(around.REPOSITORY), str(clone)], check=True)
        folder.chmod(0o700)
        made = subprocess.run(["make", "up", f"PYTHON={found}"], cwd=clone, capture_output=True, text=True, check=False)
        try:
            assert "etl_sun_time succeeded" in made.stdout, made.stdout + made.stderr
            status = [str(clone / ".venv/bin/tradewind"), "status"]
            assert subprocess.run(status, cwd=clone, check=False, capture_output=True).returncode == 0
        finally:
            subprocess.run(["make", "down"], cwd=clone, check=False, capture_output=True)
