"""A machine in QEMU with a Debian kernel. Its root is this machine's root, read-only. It has no network.

It is emulated, not virtualised. That works on every machine, also on a virtual one, and takes half a minute.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from pathlib import Path

HANGS_AFTER_S = 600
MEMORY = "1G"
_FILES = Path("/usr/lib/qemu/virtiofsd")
_SHELL = Path("/bin/busybox")
_QEMU = Path("/usr/bin/qemu-system-x86_64")


def kernel() -> str:
    """The version of the newest installed kernel that can mount this machine's root; empty if there is none."""
    found = sorted(Path("/boot").glob("vmlinuz-*"), key=lambda path: path.stat().st_mtime, reverse=True)
    versions = [path.name.partition("-")[2] for path in found]
    return next((v for v in versions if Path(f"/lib/modules/{v}/kernel/fs/fuse/virtiofs.ko").exists()), "")


def missing() -> list[str]:
    """The programs and kernels that must be installed first."""
    tools = [str(path) for path in (_QEMU, _FILES, _SHELL) if not path.exists()]
    return tools if kernel() else [*tools, "a Debian kernel"]


def run(init: Path, **variables: str) -> str:
    """Boot, and run ``init`` with these variables until it powers the machine off. Return its output."""
    version = kernel()
    with tempfile.TemporaryDirectory() as folder:
        socket, initrd = Path(folder, "root"), Path(folder, "initrd")
        initrd.write_bytes(_initrd(version, init))
        shares = [
            str(_FILES),
            f"--socket-path={socket}",
            "-o",
            "source=/",
            "-o",
            "sandbox=chroot",
            "-o",
            "cache=always",
        ]
        with subprocess.Popen(shares, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as files:
            while not socket.exists() and files.poll() is None:
                time.sleep(0.05)
            words = " ".join(f"{name}={value}" for name, value in variables.items())
            guest = subprocess.run(
                [
                    *(str(_QEMU), "-accel", "tcg", "-cpu", "max", "-smp", "2", "-m", MEMORY),
                    *(
                        "-object",
                        f"memory-backend-memfd,id=memory,size={MEMORY},share=on",
                        "-numa",
                        "node,memdev=memory",
                    ),
                    *(
                        "-chardev",
                        f"socket,id=root,path={socket}",
                        "-device",
                        "vhost-user-fs-pci,chardev=root,tag=root",
                    ),
                    *("-kernel", f"/boot/vmlinuz-{version}", "-initrd", str(initrd)),
                    *("-append", f"console=ttyS0 quiet panic=-1 {words}"),
                    *("-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"),
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=HANGS_AFTER_S,
                check=False,
            )
            files.kill()
    return guest.stdout + guest.stderr


def _initrd(version: str, init: Path) -> bytes:
    """The initial file system, with the files that mount the root."""
    needed: dict[str, bytes] = {}
    for module in ("virtio_pci", "virtiofs"):
        tell = ["/usr/sbin/modprobe", "--show-depends", "-S", version, module]
        for line in subprocess.run(tell, capture_output=True, text=True, check=True).stdout.splitlines():
            if line.startswith("insmod "):
                file = Path(line.split()[1])
                needed[file.name] = file.read_bytes()
    script = [
        "#!/bin/busybox sh",
        *(f"/bin/busybox insmod /{name}" for name in needed),
        "/bin/busybox mount -t virtiofs -o ro root /root",
        f"exec /bin/busybox switch_root /root {init}",
    ]
    files = {"bin/busybox": _SHELL.read_bytes(), "init": "\n".join([*script, ""]).encode()} | needed
    entries = [
        *((name, 0o040755, b"") for name in ("bin", "root")),
        *((n, 0o100755, data) for n, data in files.items()),
    ]
    return b"".join(_entry(*entry) for entry in [*entries, ("TRAILER!!!", 0, b"")])


def _entry(name: str, mode: int, data: bytes) -> bytes:
    """https://docs.kernel.org/driver-api/early-userspace/buffer-format.html"""
    path = name.encode() + b"\0"
    numbers = (0, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % number for number in numbers) + path
    return head + bytes(-len(head) % 4) + data + bytes(-len(data) % 4)
