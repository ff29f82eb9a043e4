"""Runs inside the guest: one process deploys to the first mount, another follows on the second. Prints JSON lines."""

from __future__ import annotations

import json
import os
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from tradewind.dag_releases.shared_folder import RELEASES, SharedFolder
from tradewind.dags.build import build
from tradewind.dags.tree import File, Tree
from tradewind.errors import TradewindError
from tradewind.runtime.bundle.cache import Cache

FLIPS = 30
FILES = 40
FOLLOWERS = 2
POLL_S = 0.02


def say(**what: Any) -> None:
    print("SAYS " + json.dumps(what), flush=True)


def deploy(folder: Path, ready: int) -> None:
    """Deploy one release after another. Prints when each change of the pointer was on the server's disk."""
    shared = SharedFolder(folder)
    for number in range(FLIPS):
        if number < 2:  # wait until all have looked for the missing pointer, then until all have read the first
            for _ in range(FOLLOWERS):
                os.read(ready, 1)
        tree = Tree({f"f{n}.py": File(f"WHICH = {number}\n".encode()) for n in range(FILES)})
        release, _, _ = build(tree, shared.folder / RELEASES)
        with shared.deploying():
            shared.activate(release.id)
        say(flip=number, release=release.id, at=time.monotonic())
        time.sleep(0.5)


def follow(folder: Path, local: Path, name: str, ready: int) -> None:
    """Read the pointer again and again. Unpack its release, and report whether all files belong to one release."""
    shared = SharedFolder(folder)
    cache = Cache(shared, local / name, kept=3)
    last, looks = "", 0
    until = time.monotonic() + 180
    while time.monotonic() < until:
        looks += 1
        if looks == 20:
            os.write(ready, b"x")  # this follower has looked for the missing pointer
        try:
            now = shared.active()
        except TradewindError as error:
            say(name=name, damaged=str(error))
            break
        if now and now.release != last:
            seen = time.monotonic()
            place = cache.hold(now.release).path
            words = {path.read_text() for path in place.iterdir()}
            say(name=name, serial=now.serial, release=now.release, at=seen, words=sorted(words), ready=time.monotonic())
            if not last:
                os.write(ready, b"x")
            last = now.release
            if now.serial == FLIPS:
                break
        time.sleep(POLL_S)
    say(name=name, looks=looks)


def main() -> None:
    one, two, local = map(Path, sys.argv[1:])
    context = get_context("fork")
    reading, writing = os.pipe()
    processes = [
        context.Process(target=deploy, args=(one, reading)),
        context.Process(target=follow, args=(one, local, "same-client", writing)),
        context.Process(target=follow, args=(two, local, "other-client", writing)),
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    say(ended=[process.exitcode for process in processes])


if __name__ == "__main__":
    main()
