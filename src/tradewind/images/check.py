"""Looks at an image before it is shipped, from the inside, as locked up as it will run."""

from __future__ import annotations

import importlib.resources
import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from tradewind.errors import ExitCode, TradewindError

PROGRAMS = ("podman", "docker")
_LOCKED = ("--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--network", "none")
_FOLDERS = ("--tmpfs", "/tmp:rw,mode=1777", "--env", "HOME=/tmp", "--env", "AIRFLOW_HOME=/tmp/airflow")  # noqa: S108


@dataclass(frozen=True)
class Checked:
    """An image and its checks: from the name of each to what is wrong, empty where nothing is."""

    component: str
    checks: Mapping[str, str]

    @property
    def passed(self) -> bool:
        """Whether nothing is wrong."""
        return not any(self.checks.values())

    def as_dict(self) -> dict[str, object]:
        """The public ``--json`` format; see docs/reference/json.md."""
        return {"component": self.component, "passed": self.passed, "checks": dict(self.checks)}


def check(component: str, image: str) -> Checked:
    """Run the checks of ``inside`` in a container of an image that is here. TradewindError where it does not run."""
    program = next((name for name in PROGRAMS if shutil.which(name)), None)
    if program is None:
        raise TradewindError(
            "images cannot be looked at from the inside",
            f"looked for {' and '.join(PROGRAMS)} in the PATH",
            "on Debian and Ubuntu: apt install podman",
            code=ExitCode.USAGE,
        )
    script = importlib.resources.files("tradewind.images").joinpath("inside.py").read_text()
    argv = [program, "run", "--rm", "--interactive", "--pull", "never", *_LOCKED, *_FOLDERS, "--entrypoint", "python"]
    ended = subprocess.run([*argv, image, "-"], input=script, capture_output=True, text=True, check=False)  # noqa: S603
    if ended.returncode != 0:
        raise TradewindError(f"the image of {component} does not run", ended.stderr.strip()[-2000:])
    return Checked(component, json.loads(ended.stdout))
