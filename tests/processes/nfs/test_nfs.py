"""The pointer and the cache on a real NFSv4.1 mount, with stock attribute caching: what EFS is to Fargate.

A kernel's server and two clients run in a User-mode Linux guest (Debian: user-mode-linux, nfs-kernel-server,
nfs-common, kmod, iproute2). Nothing of it touches this machine's network.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("nfs")
HERE = Path(__file__).parent
BOUND_S = 3.0
"""Within this every client sees a flip: the least time that attributes are cached for (acregmin, nfs(5))."""
HANGS_AFTER_S = 600


@pytest.fixture(scope="module")
def said() -> list[dict[str, Any]]:
    """What the guest said."""
    missing = [tool for tool in ("linux.uml", "rpc.nfsd", "modprobe", "ip") if not _found(tool)]
    if missing:
        pytest.skip(f"no {', '.join(missing)} (Debian: user-mode-linux nfs-kernel-server nfs-common kmod iproute2)")
    guest = subprocess.run(
        [
            *("linux.uml", "mem=512M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro", "quiet", "panic=1"),
            *("con=null", "con0=null,fd:1", f"init={HERE / 'guest-init'}", f"python={sys.executable}"),
            *(f"script={HERE / 'guest.py'}", f"PYTHONPATH={HERE.parents[2] / 'src'}"),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANGS_AFTER_S,
        check=False,
    )
    assert "GUEST ENDED 0" in guest.stdout, guest.stdout + guest.stderr
    return [json.loads(line.partition("SAYS ")[2]) for line in guest.stdout.splitlines() if "SAYS " in line]


@pytest.mark.parametrize("client", ["same-client", "other-client"])
def test_every_flip_is_seen_soon_and_whole(said: list[dict[str, Any]], client: str) -> None:
    flips = {row["release"]: row["at"] for row in said if "flip" in row}
    seen = [row for row in said if row.get("name") == client and "release" in row]
    assert not [row for row in said if "damaged" in row]
    # Also the first: the client had looked for the pointer many times before it was there.
    assert [row["serial"] for row in seen] == list(range(1, len(flips) + 1))
    late = {row["release"]: row["at"] - flips[row["release"]] for row in seen}
    print(f"{client}: {len(late)} flips, seen after {max(late.values()):.3f} s at most")
    assert max(late.values()) < BOUND_S, late
    assert all(len(row["words"]) == 1 for row in seen), "the files of one release only"


def _found(tool: str) -> bool:
    return shutil.which(tool, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") is not None
