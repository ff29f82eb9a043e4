"""Every test, section by section, cheapest first; stops at the first section that fails. Called by `make test`.

It prints what each section, each file and the slowest tests took, beside the run before, and keeps that in the user's
cache folder.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.counts import SOAK
from tests.times import VARIABLE, Times, report

ROOT = Path(__file__).parents[1]
PYTEST = (sys.executable, "-m", "pytest")
KEPT = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tradewind-tests"
BASE_IMAGE = "localhost/tradewind-test/python:3.11"

# Servers that are killed in the middle of an answer leave half a connection in the test's own client.
PLATFORM = ("-W", "ignore::ResourceWarning", "-W", "ignore::pytest.PytestUnraisableExceptionWarning")
BOTH_CORES = ("-n", "2", "--dist", "loadgroup")


@dataclass(frozen=True)
class Section:
    """Some tests: what runs them, and what the machine must have; ``lacks`` says what it does not have."""

    name: str
    argv: tuple[str, ...]
    lacks: Callable[[], str] = lambda: ""
    mysql: bool = False


def pytest(*arguments: str, marked: str = "not local and not containers") -> tuple[str, ...]:
    """The command for some tests. Those that take long are left to ``--soak``."""
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
    """What of these programs is not in the PATH."""

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
    """All of them, cheapest first."""
    return (
        Section("static checks", ("make", "--no-print-directory", "check")),
        Section("unit", pytest(*BOTH_CORES, "tests/unit", "tests/docs")),
        Section("processes", pytest(*BOTH_CORES, "tests/processes", "tests/functional")),
        Section("Terraform", pytest(*BOTH_CORES, "tests/terraform"), lacks("terraform")),
        Section("pipelines", pytest(*BOTH_CORES, "tests/pipelines"), lacks_groovy),
        Section("platform", pytest(*PLATFORM, "tests", marked="local")),
        # What a database can change: that DAGs run, and that nothing is lost.
        Section(
            "platform on MySQL",
            pytest(
                *PLATFORM,
                *(f"tests/local/test_{name}.py" for name in ("main_job", "waiting_tasks", "kill")),
                marked="local",
            ),
            lacks_mysql,
            mysql=True,
        ),
        Section("images", pytest("-s", "tests/containers", marked="containers"), lacks_images, mysql=False),
    )


def run(section: Section, times: Times, scratch: Path) -> bool:
    """Run one section; whether it passed. Adds what it took."""
    print(f"\n== {section.name}", flush=True)
    env = {**os.environ, VARIABLE: str(scratch), "PATH": os.pathsep.join([os.environ["PATH"], "/usr/sbin"])}
    if server := mysqld():
        env["PATH"] = os.pathsep.join([str(Path(server).parent), env["PATH"]])
    if section.mysql:
        env["TRADEWIND_TEST_DATABASE"] = "mysql"
    began = time.monotonic()
    code = subprocess.run(section.argv, cwd=ROOT, env=env, check=False).returncode
    took = Times.read(scratch)
    scratch.unlink(missing_ok=True)
    took.sections[section.name] = time.monotonic() - began
    times.include(took)
    print(f"== {section.name}: {took.sections[section.name]:.0f} s", flush=True)
    return code == 0


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
    before, times, skipped, failed = Times.read(kept), Times(), [], ""
    for section in chosen:
        if reason := section.lacks():
            skipped.append(f"{section.name}: {reason}")
            if os.environ.get("TRADEWIND_SKIP_NOTHING"):
                print(f"error: skipped {skipped[-1]}", file=sys.stderr)
                return 1
        elif not run(section, times, KEPT / f"running-{os.getpid()}.json"):
            failed = section.name
            break
    print("\n== times", *report(times, before), sep="\n")
    if failed:
        print(f"\n{failed} failed", file=sys.stderr)
        return 1
    if not options.section:
        times.write(kept)
    print("\n== summary", *(f"skipped {line}" for line in skipped), "everything that ran passed", sep="\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
