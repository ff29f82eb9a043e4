"""The pointer and the cache on a real NFSv4.1 mount with default attribute caching, as Fargate mounts EFS.

The kernel's server and two clients run in a guest (Debian: qemu-system-x86, linux-image-cloud-amd64, busybox-static,
nfs-kernel-server, nfs-common, kmod, iproute2).
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import guest_machine
import pytest

pytestmark = pytest.mark.xdist_group("nfs")
HERE = Path(__file__).parent
BOUND_S = 3.0
"""Every client reads a new pointer within this time: the minimum caching time of attributes (acregmin, nfs(5))."""


@pytest.fixture(scope="module")
def said() -> list[dict[str, Any]]:
    """The lines that the guest printed."""
    missing = [*guest_machine.missing(), *(tool for tool in ("rpc.nfsd", "modprobe", "ip") if not _found(tool))]
    if missing:
        pytest.skip(f"there is no {', '.join(missing)}; the top of test_nfs.py names Debian's packages")
    source = str(HERE.parents[2] / "src")
    told = guest_machine.run(
        HERE / "guest-init", python=sys.executable, script=str(HERE / "guest.py"), PYTHONPATH=source
    )
    assert "GUEST ENDED 0" in told, told
    return [json.loads(line.partition("SAYS ")[2]) for line in told.splitlines() if "SAYS " in line]


@pytest.mark.parametrize("client", ["same-client", "other-client"])
def test_every_flip_is_seen_soon_and_whole(said: list[dict[str, Any]], client: str) -> None:
    flips = {row["release"]: row["at"] for row in said if "flip" in row}
    seen = [row for row in said if row.get("name") == client and "release" in row]
    assert not [row for row in said if "damaged" in row]
    # Also the first one: the client had looked for the missing pointer many times.
    assert [row["serial"] for row in seen] == list(range(1, len(flips) + 1))
    late = {row["release"]: row["at"] - flips[row["release"]] for row in seen}
    print(f"{client}: {len(late)} flips, seen after {max(late.values()):.3f} s at most")
    assert max(late.values()) < BOUND_S, late
    assert all(len(row["words"]) == 1 for row in seen), "the files of one release only"


def _found(tool: str) -> bool:
    return shutil.which(tool, path="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin") is not None
