"""Deployments that are killed at random moments: one complete release is active, and the next deployment works."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from pathlib import Path

from tradewind.dag_releases.shared_folder import SharedFolder, check
from tradewind.runtime.bundle.cache import Cache

KILLS = 100
FILES = 150
DEPLOY = """
import sys
from pathlib import Path
from tradewind.runtime.bundle.cache import Cache
from tradewind.dag_releases.shared_folder import RELEASES, SharedFolder
from tradewind.runtime.controller.dag_deployment import Deployment
from tradewind.dags.build import build
from tradewind.dags.source import source_of
from tradewind.dags.tree import collect

folder, efs, local = map(Path, sys.argv[1:])
print("begins", flush=True)
shared = SharedFolder(efs)
release, _, _ = build(collect(source_of(folder)), efs / RELEASES)
Deployment(shared, None).deploy(release.id)
Cache(shared, local, kept=3).hold(release.id)
print(release.id, flush=True)
"""


def test_whoever_is_killed_leaves_one_whole_release(tmp_path: Path) -> None:
    folder, efs, local = (tmp_path / name for name in ("dags", "efs", "local"))
    folder.mkdir()
    for n in range(FILES):
        (folder / f"f{n}.py").write_text(f"X = {n}\n")
    shared = SharedFolder(efs)

    def start() -> subprocess.Popen[str]:
        argv = [sys.executable, "-c", DEPLOY, *map(str, (folder, efs, local))]
        process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
        assert process.stdout
        assert process.stdout.readline() == "begins\n"
        return process

    first = start()
    began = time.monotonic()
    old = first.communicate()[0].strip()
    lasts = time.monotonic() - began
    assert old.startswith("d-")

    seed = random.randrange(1 << 32)
    chosen = random.Random(seed)
    killed = new_ones = 0
    for number in range(KILLS):
        (folder / "f0.py").write_text(f"X = 'round {number}'\n")
        process = start()
        time.sleep(chosen.uniform(0, lasts))
        process.kill()
        said = process.communicate()[0].strip()
        killed += not said
        lasts *= 0.9 if said else 1.05  # follow the speed of the machine: two of three are killed before their end
        now = shared.active()
        assert now, seed
        # The active release is complete: its manifest, its archive, and its unpacked files.
        check(shared.read(now.release), shared.archive(now.release))
        place = Cache(shared, local, kept=3).hold(now.release).path
        text = (place / "f0.py").read_text()
        assert len(list(place.glob("*.py"))) == FILES, seed
        if now.release != old:
            assert text == f"X = 'round {number}'\n", seed
            new_ones += 1
        old = now.release
    assert killed > KILLS / 3, "most of them are killed before their end"
    last = start()
    assert last.communicate()[0].strip() == (shared.active() or now).release
