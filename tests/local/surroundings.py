"""Environments in which users start the platform: a few lines of shell each, run by root in new namespaces.

No other platform of this machine uses a port there. In the namespace, this checkout is mounted at a user's place. All
mounts and processes end with the namespace.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from running import CONFIGURATION, DAGS

REPOSITORY = Path(os.environ.get("TRADEWIND_TEST_CHECKOUT", Path(__file__).parents[2]))
"""The tested checkout: this one, or another one to compare with."""

ORDINARY = "daemon"
"""A user with a name that exists on every machine."""
NAMELESS = "54321"
_CGROUPS = Path("/sys/fs/cgroup")
GROUP = (_CGROUPS / "memory" if (_CGROUPS / "memory").is_dir() else _CGROUPS) / "tradewind-test"
"""A control group (version 1 or 2) with a memory limit."""
LONG = "folder with spaces/žluťoučký kůň 風/" + "x" * 110

# The Python of the tests may be below /root, which other users may not enter. A user's own Python would not be there.
# In the namespace, /root is another folder, which contains only that Python.
_BEGIN = """\
set -eu
ip link set lo up
mount --make-rprivate /

mkdir "$PLACE/top"
mount --bind /root "$PLACE/top"
mount -t tmpfs -o mode=0755 tmpfs /root
if [ -d "$PLACE/top/.pyenv" ]; then mkdir /root/.pyenv; mount --bind "$PLACE/top/.pyenv" /root/.pyenv; fi
umount "$PLACE/top"

mkdir -p "$FOLDER/checkout" "$FOLDER/work/dags"
mount --bind "$REPOSITORY" "$FOLDER/checkout"
mount -o remount,bind,ro "$FOLDER/checkout"
cp "$DAG" "$FOLDER/work/dags"
printf %s "$CONFIGURATION" > "$FOLDER/work/tradewind.yaml"

export HOME="$PLACE/home"
cd "$FOLDER/work"
as() { "$@"; }
tw() { as "$FOLDER/checkout/.venv/bin/python" -m tradewind.cli "$@" || echo "exit code $?"; }
"""


@dataclass(frozen=True)
class Surrounding:
    """One surrounding: the ``lines`` of shell that create it, and the ``folder`` of Tradewind below the home folder.

    The shell function ``as`` runs a command as the user of this surrounding.
    """

    name: str
    lines: str = ""
    folder: str = ""

    def __add__(self, other: Surrounding) -> Surrounding:
        """Combine two surroundings."""
        name, lines = f"{self.name}, {other.name}", f"{self.lines}\n{other.lines}"
        return Surrounding(name, lines, self.folder + other.folder)

    def tried(self, place: Path, commands: str) -> str:
        """The output of ``commands``, lines of shell in which ``tw`` is Tradewind's command."""
        (place / "home").mkdir()
        env = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "TRADEWIND"))}
        env |= {
            "PLACE": str(place),
            "FOLDER": str(place / "home" / self.folder).rstrip("/"),
            "REPOSITORY": str(REPOSITORY),
            "DAG": str(DAGS / "inflight.py"),
            "CONFIGURATION": CONFIGURATION.format(dags="dags", database="embedded") + "  workers: 1\n",
        }
        # --kill-child ends all processes of the namespace, however the test ends.
        argv = ["unshare", "--mount", "--net", "--pid", "--fork", "--mount-proc", "--kill-child"]
        result = subprocess.run(
            [*argv, "sh", "-c", f"{_BEGIN}{self.lines}\n{commands}"],
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if GROUP.exists():
            GROUP.rmdir()
        assert result.returncode == 0, result.stdout
        assert "Traceback" not in result.stdout, result.stdout
        return result.stdout


def can_be_made() -> bool:
    """Whether this user may create namespaces and mount in them."""
    if os.geteuid() != 0 or not shutil.which("unshare"):
        return False
    return subprocess.run(["unshare", "--mount", "--net", "--pid", "--fork", "true"], check=False).returncode == 0


@contextmanager
def place() -> Iterator[Path]:
    """A folder that every user may enter. It is outside ``/tmp``, which some surroundings change."""
    folder = Path(tempfile.mkdtemp(dir="/var/tmp", prefix="tradewind-"))
    folder.chmod(0o755)
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def _user(name: str, mode: str) -> str:
    return f"""\
chown -R {name} "$FOLDER/work"
chown {name} "$PLACE/home"
chmod {mode} "$PLACE/home"
as() {{ setpriv --reuid={name} --regid={name} --clear-groups "$@"; }}"""


PRIVATE = Surrounding("root in a private home", 'chmod 0700 "$PLACE/home"')
ORDINARY_USER = Surrounding("an ordinary user in a private home", _user(ORDINARY, "0700"))
NAMELESS_USER = Surrounding("a user without a name", _user(NAMELESS, "0755"))
NO_CAPABILITY = Surrounding(
    "root without DAC capabilities",
    'as() { setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search "$@"; }',
)
UMASK = Surrounding("umask 077", "umask 077")
NO_EXEC = Surrounding("/tmp without exec", "mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp")
SMALL_SHM = Surrounding("/dev/shm of 64 MB", "mount -t tmpfs -o size=64m,mode=1777 tmpfs /dev/shm")
NO_IPV6 = Surrounding("no IPv6", "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6")
NO_SETPRIV = Surrounding("no setpriv", 'mount --bind /dev/null "$(command -v setpriv)"')
NO_HOME = Surrounding("HOME unset", "unset HOME")
READ_ONLY_HOME = Surrounding(
    "HOME read-only", 'mkdir "$PLACE/ro"; mount -t tmpfs -o ro tmpfs "$PLACE/ro"; export HOME="$PLACE/ro"'
)
LONG_PATH = Surrounding("a long path with spaces and letters", folder=LONG)
PORTS = Surrounding(
    "every usual port taken",
    """\
"$FOLDER/checkout/.venv/bin/python" -c '
import socket, sys, time
held = [socket.create_server(("127.0.0.1", port)) for port in (8080, 8081, 5555, 5556)]
print("held", flush=True)
time.sleep(3600)' > "$PLACE/held" &
until grep -q held "$PLACE/held"; do sleep 0.1; done""",
)
MEMORY = Surrounding(
    "3 GB of memory",
    f"""\
mkdir -p {GROUP}
if [ -e {GROUP}/memory.limit_in_bytes ]; then limit=memory.limit_in_bytes; else limit=memory.max; fi
echo 3221225472 > {GROUP}/$limit
echo 0 > {GROUP}/cgroup.procs""",
)
ROOM = "mount -o remount,size=2g .tradewind"
"""The command that enlarges the disk of ``full_disk``."""


def full_disk(size: str) -> Surrounding:
    """The platform's folder is on a disk of this size."""
    return Surrounding("a full disk", f"mkdir -m 0700 .tradewind; mount -t tmpfs -o size={size} tmpfs .tradewind")


ALL = (
    PRIVATE,
    ORDINARY_USER,
    NO_CAPABILITY,
    UMASK,
    NO_EXEC,
    SMALL_SHM,
    NO_IPV6,
    NO_SETPRIV,
    NO_HOME,
    READ_ONLY_HOME,
    LONG_PATH,
    PORTS,
    MEMORY,
)
