"""``tradewind up``: start the whole platform on this machine."""
from __future__ import annotations
from pathlib import Path
from typing import Annotated
import time
import typer
from tradewind.cli import terminal
from tradewind import config
from tradewind.local.daemon import Request
from tradewind.local.paths import Home
from tradewind.local.platform import Platform


def up(file: Annotated[Path | None, typer.Option("--file", "-f")] = None, dags: Annotated[Path | None, typer.Option("--dags")] = None) -> None:
    """Start the whole platform on this machine."""
    found = file or config.find(Path.cwd())
    platform = Platform(Home.beside(found))
    t = time.time()
    platform.start(Request(file=str(found), dags=str(dags) if dags else None))
    seen = {}
    for status in platform.wait_until_healthy():
        for row in status["processes"]:
            if seen.get(row["name"]) != row["state"]:
                seen[row["name"]] = row["state"]
                print(round(time.time() - t, 1), row["name"], row["state"], row["cpu_s"])


def down(file: Annotated[Path | None, typer.Option("--file", "-f")] = None) -> None:
    found = file or config.find(Path.cwd())
    platform = Platform(Home.beside(found))
    t = time.time()
    for status in platform.stop():
        pass
    print(round(time.time() - t, 1))
