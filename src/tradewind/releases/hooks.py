"""Programs of the user that run before and after a release is deployed: ``hooks/pre-deploy`` and ``hooks/post-deploy``.

They are next to the configuration, need not exist, and run on the machine of the command. A hook gets its facts in
environment variables:

    TRADEWIND_HOOK              pre-deploy, or post-deploy
    TRADEWIND_COMMAND           the command that runs it: "release deploy", "dags rollback"
    TRADEWIND_ENV               the environment, so that commands in the hook work on it, too
    TRADEWIND_RELEASE           the id of the release; the DAG release for "dags deploy"; empty for "dags rollback"
    TRADEWIND_PREVIOUS_RELEASE  the id of the active release of the environment before; empty if there is none
    TRADEWIND_BY                the operator or the build that runs the command
    TRADEWIND_REASON            the value of --reason
    TRADEWIND_OUTCOME           post-deploy only: deployed, or failed (also after Ctrl-C)
    TRADEWIND_SECONDS           post-deploy only: how long the deployment took, in whole seconds
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tradewind.errors import ExitCode, TradewindError

PRE, POST = "pre-deploy", "post-deploy"
FOLDER = "hooks"


@dataclass(frozen=True)
class Deployment:
    """The facts that a hook gets; see the module."""

    command: str
    environment: str
    release: str
    previous: str
    by: str
    reason: str = ""

    @property
    def noun(self) -> str:
        """The group of commands that rolls it back."""
        return "dags" if self.command.startswith("dags ") else "release"

    def variables(self) -> dict[str, str]:
        """The same as environment variables."""
        return {
            "TRADEWIND_COMMAND": self.command,
            "TRADEWIND_ENV": self.environment,
            "TRADEWIND_RELEASE": self.release,
            "TRADEWIND_PREVIOUS_RELEASE": self.previous,
            "TRADEWIND_BY": self.by,
            "TRADEWIND_REASON": self.reason,
        }


@dataclass(frozen=True)
class Hooks:
    """The hooks of a folder.

    Args:
        folder: holds ``pre-deploy`` and ``post-deploy``; need not exist.
        tell: receives a line for each hook that runs.
        clock: seconds that only grow.
    """

    folder: Path
    tell: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic

    @contextmanager
    def around(self, deployment: Deployment) -> Iterator[None]:
        """Run ``pre-deploy``, then the block, then ``post-deploy``, also if the block fails or is interrupted.

        Raises:
            TradewindError: ``pre-deploy`` failed, and the block did not run; or the deployment succeeded and
                ``post-deploy`` failed. The error of a failed deployment is raised as it is.
        """
        self._check()
        if why := self._run(PRE, deployment.variables()):
            raise TradewindError(
                f"{self.folder / PRE} refused the deployment of {deployment.release}",
                f"{why}; the release was not deployed",
                "correct the cause, or use --skip-hooks",
            )
        began = self.clock()
        try:
            yield
        except (TradewindError, KeyboardInterrupt):
            if why := self._after(deployment, "failed", began):
                self.tell(f"warning: {self.folder / POST} failed: {why}")
            raise
        if why := self._after(deployment, "deployed", began):
            raise TradewindError(
                f"{self.folder / POST} failed",
                f"{why}; {deployment.release} is active in {deployment.environment}",
                f"tradewind {deployment.noun} rollback -e {deployment.environment}",
            )

    def _check(self) -> None:
        """TradewindError if a hook is not executable: before the deployment, not after it."""
        wrong = [p for p in (self.folder / PRE, self.folder / POST) if p.is_file() and not os.access(p, os.X_OK)]
        if wrong:
            names = " ".join(map(str, wrong))
            raise TradewindError(f"not executable: {names}", "", f"chmod +x {names}", code=ExitCode.USAGE)

    def _after(self, deployment: Deployment, outcome: str, began: float) -> str:
        more = {"TRADEWIND_OUTCOME": outcome, "TRADEWIND_SECONDS": str(round(self.clock() - began))}
        return self._run(POST, {**deployment.variables(), **more})

    def _run(self, name: str, variables: dict[str, str]) -> str:
        """Run a hook if it exists, with the output of the command. The reason of its failure; empty if it succeeded."""
        program = self.folder / name
        if not program.is_file():
            return ""
        self.tell(f"running {program}")
        try:
            ended = subprocess.run(  # noqa: S603 (the user's own program)
                [str(program.resolve())],
                cwd=self.folder.parent,
                env={**os.environ, **variables, "TRADEWIND_HOOK": name},
                stdin=subprocess.DEVNULL,
                stdout=2,  # stdout has the result of the command alone
                check=False,
            )
        except OSError as error:
            return str(error.strerror)
        return "" if ended.returncode == 0 else f"exit code {ended.returncode}"
