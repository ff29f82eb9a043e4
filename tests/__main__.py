"""Runs every test, section by section, cheapest first, and stops at the first failed section. Called by `make test`.

If the machine has room for two platforms, sections whose tests mostly wait run beside sections that keep both cores
busy. The output of such a section is printed when it has ended. At the end, it prints the durations of each section,
each file and the slowest tests, compared with the previous run, and stores them in the user's cache folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psutil
from tests.counts import SOAK
from tests.times import VARIABLE, Times, report

ROOT = Path(__file__).parents[1]
PYTEST = (sys.executable, "-m", "pytest")
KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tradewind-tests"
BASE_IMAGE = "localhost/tradewind-test/python:3.11"

# A server that is killed during a response leaves a half-open connection in the test's own client.
PLATFORM = ("-W", "ignore::ResourceWarning", "-W", "ignore::pytest.PytestUnraisableExceptionWarning")
BOTH_CORES = ("-n", "2", "--dist", "loadgroup")
DATABASES = tuple(f"tests/local/test_{name}.py" for name in ("main_job", "waiting_tasks", "kill"))
"""Tests whose result can depend on the database: DAGs run, and no task is lost."""
TWO_PLATFORMS_GB = 12
ALL = "all of them"


@dataclass(frozen=True)
class Section:
    """A group of tests: the command that runs them; ``lacks`` names the programs that the machine does not have.

    ``first``: it runs before all others. ``waits``: it leaves the cores idle for most of the time.
    """

    name: str
    argv: tuple[str, ...]
    lacks: Callable[[], str] = lambda: ""
    mysql: bool = False
    first: bool = False
    waits: bool = False


def pytest(*arguments: str, marked: str = "not local and not containers") -> tuple[str, ...]:
    """The command for some tests. Long tests run only with ``--soak``."""
    expression = marked if os.environ.get(SOAK) else f"({marked}) and not soak"
    return (*PYTEST, *arguments, "-m", expression)


def mysqld() -> str:
    """A MySQL server, if there is one."""
    path = os.pathsep.join([os.environ.get("TRADEWIND_MYSQLD", ""), os.environ["PATH"], "/usr/sbin"])
    found = shutil.which("mysqld", path=path)
    if not found:
        return ""
    told = subprocess.run([found, "--version"], capture_output=True, text=True, check=False).stdout
    return "" if "mariadb" in told.lower() else found


def lacks_mysql() -> str:
    if mysqld():
        return ""
    return (
        "no mysqld in the PATH (tests/local/mysqld.sh FOLDER unpacks one on Debian; then: "
        "PATH=FOLDER/bin:$PATH make test)"
    )


def lacks(*tools: str) -> Callable[[], str]:
    """A function that names the programs that are not in the PATH."""

    def missing() -> str:
        path = f"{os.environ['PATH']}{os.pathsep}/usr/sbin"
        found = [tool for tool in tools if not shutil.which(tool, path=path)]
        return f"not in the PATH: {', '.join(found)}" if found else ""

    return missing


def lacks_groovy() -> str:
    if Path("/usr/share/java/groovy-all.jar").exists():
        return lacks("java", "npm")()
    return "no groovy (Debian: apt install groovy nodejs npm)"


def lacks_images() -> str:
    missing = lacks("buildah", "podman", "skopeo", "docker-registry", "haproxy", "java")() or lacks_mysql()
    if not missing and subprocess.run(["podman", "image", "exists", BASE_IMAGE], check=False).returncode:
        missing = f"no image {BASE_IMAGE}"
    return missing and f"{missing} (tests/containers/prepare.sh says how to get all of it)"


def sections() -> Sequence[Section]:
    """All sections, cheapest first."""
    return (
        Section("static checks", ("make", "--no-print-directory", "check"), first=True),
        Section("unit", pytest(*BOTH_CORES, "tests/unit", "tests/docs"), first=True),
        Section("processes", pytest(*BOTH_CORES, "tests/processes", "tests/functional")),
        Section("Terraform", pytest(*BOTH_CORES, "tests/terraform"), lacks("terraform")),
        Section("pipelines", pytest(*BOTH_CORES, "tests/pipelines"), lacks_groovy),
        Section("platform", pytest(*PLATFORM, "tests", marked="local"), waits=True),
        Section(
            "platform on MySQL", pytest(*PLATFORM, *DATABASES, marked="local"), lacks_mysql, mysql=True, waits=True
        ),
        Section("images", pytest("-s", "tests/containers", marked="containers"), lacks_images),
    )


def has_room() -> bool:
    """Whether two platforms fit on this machine."""
    return (os.cpu_count() or 1) > 1 and psutil.virtual_memory().total >= TWO_PLATFORMS_GB * 1e9


@dataclass
class Run:
    """One run of the tests; several threads add to it. ``kept``: a folder for temporary files."""

    kept: Path = KEPT
    room: bool = field(default_factory=has_room)
    times: Times = field(default_factory=Times)
    failed: list[str] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def all(self, chosen: Sequence[Section]) -> None:
        """Run the sections until all have passed, or one has failed."""
        self.lane([deque(section for section in chosen if section.first)], False)
        others = [section for section in chosen if not section.first]
        lanes = [deque(section for section in others if section.waits is waits) for waits in (False, True)]
        aside = self.room and all(lanes)
        if not aside:
            self.lane([deque(others)], False)
            return
        threads = [threading.Thread(target=self.lane, args=(order, True)) for order in (lanes, lanes[::-1])]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def lane(self, lanes: Sequence[deque[Section]], aside: bool) -> None:
        """Run the sections of the first lane in order, then those that are left in the other lane, from its end.

        ``aside``: print the output of a section when it has ended.
        """
        while not self.failed:
            with self._lock:
                lane = next((lane for lane in lanes if lane), None)
                section = (lane.popleft() if lane is lanes[0] else lane.pop()) if lane else None
            if section is None:
                return
            self.section(section, aside)

    def section(self, section: Section, aside: bool) -> None:
        """Run a section, and add its durations."""
        print(f"\n== {section.name}{' begins' if aside else ''}", flush=True)
        scratch = self.kept / f"running-{os.getpid()}-{section.name.replace(' ', '-')}"
        began = time.monotonic()
        with scratch.with_suffix(".log").open("w+", errors="replace") as log:
            code = subprocess.run(
                section.argv,
                cwd=ROOT,
                env=environment(section, scratch.with_suffix(".json")),
                stdout=log if aside else None,
                stderr=subprocess.STDOUT if aside else None,
                check=False,
            ).returncode
            log.seek(0)
            said = log.read()
        took = Times.read(scratch.with_suffix(".json"))
        took.sections[section.name] = time.monotonic() - began
        for suffix in (".log", ".json"):
            scratch.with_suffix(suffix).unlink(missing_ok=True)
        with self._lock:
            self.times.include(took)
            if code:
                self.failed.append(section.name)
            told = f"\n== {section.name}\n{said}" if aside else ""
            print(f"{told}== {section.name}: {took.sections[section.name]:.0f} s", flush=True)


def environment(section: Section, times: Path) -> dict[str, str]:
    """The environment of the tests of a section. ``times``: the file for their durations."""
    found = {**os.environ, VARIABLE: str(times), "PATH": os.pathsep.join([os.environ["PATH"], "/usr/sbin"])}
    if server := mysqld():
        found["PATH"] = os.pathsep.join([str(Path(server).parent), found["PATH"]])
    if section.mysql:
        found["TRADEWIND_TEST_DATABASE"] = "mysql"
    return found


def main(argv: Sequence[str]) -> int:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m tests", description="Run every test.")
    parser.add_argument("--soak", action="store_true", help="the full counts and the long tests")
    parser.add_argument("section", nargs="*", help="only these")
    options = parser.parse_args(argv)
    if options.soak:
        os.environ[SOAK] = "1"
    known = {section.name: section for section in sections()}
    if unknown := [name for name in options.section if name not in known]:
        parser.error(f"there is no section {', '.join(unknown)}: {', '.join(known)}")
    chosen = [known[name] for name in options.section] or list(known.values())
    KEPT.mkdir(parents=True, exist_ok=True)
    kept = KEPT / ("soak.json" if options.soak else "times.json")
    reasons = {section.name: reason for section in chosen if (reason := section.lacks())}
    skipped = [f"{name}: {reason}" for name, reason in reasons.items()]
    if skipped and os.environ.get("TRADEWIND_SKIP_NOTHING"):
        print("\n".join(f"error: skipped {line}" for line in skipped), file=sys.stderr)
        return 1
    before, run, began = Times.read(kept), Run(), time.monotonic()
    run.all([section for section in chosen if section.name not in reasons])
    run.times.sections[ALL] = time.monotonic() - began
    print("\n== times", *report(run.times, before), sep="\n")
    if run.failed:
        print(f"\n{', '.join(run.failed)} failed", file=sys.stderr)
        return 1
    if not options.section:
        run.times.write(kept)
    print("\n== summary", *(f"skipped {line}" for line in skipped), "everything that ran passed", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
