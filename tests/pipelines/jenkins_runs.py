"""Runs our Jenkinsfiles without Jenkins: a real Groovy, an interpreter of the declarative language, real `sh` steps."""

from __future__ import annotations

import atexit
import functools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PIPELINES = HERE.parents[1] / "pipelines"
LIBRARY = PIPELINES / "library"
JARS = ("groovy-all.jar", "commons-cli.jar")
# Groovy 2.4, which Jenkins uses, is older than Java's modules.
_OPENED = [f"--add-opens=java.base/java.{name}=ALL-UNNAMED" for name in ("lang", "util", "io")]
REFUSED = 3


@dataclass(frozen=True)
class Outcome:
    """The result of a build. ``code`` 3: the interpreter refused the pipeline before any step ran."""

    code: int
    log: str
    report: dict[str, Any]

    @property
    def result(self) -> str:
        return str(self.report["result"])

    @property
    def stages(self) -> dict[str, str]:
        return dict(self.report["stages"])


def run(
    jenkinsfile: Path,
    workspace: Path,
    *,
    params: Mapping[str, str] | None = None,
    env: Mapping[str, str] | None = None,
    credentials: Mapping[str, Any] | None = None,
    inputs: Mapping[str, str] | None = None,
    library: Path = LIBRARY,
) -> Outcome:
    """Run a build of a Jenkinsfile in a workspace. ``inputs``: a pattern of the question, and the button to press."""
    settings = {
        "workspace": str(workspace),
        "library": str(library),
        "params": dict(params or {}),
        "env": dict(env or {}),
        "credentials": dict(credentials or {}),
        "inputs": dict(inputs or {}),
    }
    with tempfile.TemporaryDirectory() as folder:
        given, report = Path(folder) / "settings.json", Path(folder) / "report.json"
        given.touch(mode=0o600)
        given.write_text(json.dumps(settings))
        ended = subprocess.run(
            [*groovy(), "Main", str(jenkinsfile), str(given), str(report)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        found = json.loads(report.read_text()) if report.exists() else {}
    return Outcome(ended.returncode, ended.stdout, found)


def groovy() -> list[str]:
    """The command that runs a class of the interpreter."""
    path = ":".join([*_jars(), str(_compiled())])
    return [_java(), *_OPENED, "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp", path]


@functools.cache
def _compiled() -> Path:
    """Compile the interpreter, once for this process."""
    folder = tempfile.mkdtemp(prefix="jenkins-")
    atexit.register(shutil.rmtree, folder)
    sources = sorted(str(path) for path in (HERE / "jenkins").glob("*.groovy"))
    subprocess.run(
        [
            *(_java(), *_OPENED, "-cp", ":".join(_jars())),
            *("org.codehaus.groovy.tools.FileSystemCompiler", "-d", folder, *sources),
        ],
        check=True,
    )
    return Path(folder)


def _java() -> str:
    java = shutil.which("java")
    assert java, "no java in the PATH; on Debian and Ubuntu: apt install groovy"
    return java


def _jars() -> list[str]:
    folder = Path(os.environ.get("TRADEWIND_GROOVY", "/usr/share/java"))
    missing = [name for name in JARS if not (folder / name).exists()]
    assert not missing, f"no {', '.join(missing)} in {folder}; on Debian and Ubuntu: apt install groovy"
    return [str(folder / name) for name in JARS]
