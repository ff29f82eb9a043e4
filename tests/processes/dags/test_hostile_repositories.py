"""Malicious repositories, and those that look malicious: the gate refuses or contains each one, with a reason."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from gate_samples import examine

from tradewind.config.gate_settings import Gate
from tradewind.dag_releases.manifest import DagRelease, Entry, Origin
from tradewind.dag_releases.shared_folder import RELEASES, SharedFolder
from tradewind.dags import build as release
from tradewind.dags.source import Commit, source_of
from tradewind.dags.tree import File, Tree, collect
from tradewind.errors import TradewindError

Build = Callable[[Path], object]


def git(folder: Path, *arguments: str, given: bytes = b"") -> str:
    command = ["git", "-C", str(folder), "-c", "user.name=Ada", "-c", "user.email=ada@example.org", *arguments]
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout.decode().strip()


def link(name: str, target: str) -> Build:
    return lambda folder: (folder / name).symlink_to(target)


def named(name: bytes) -> Build:
    return lambda folder: (folder / os.fsdecode(name)).write_text("1")


def large(*sizes: int) -> Build:
    """Sparse files with these sizes."""

    def make(folder: Path) -> None:
        for number, size in enumerate(sizes):
            with (folder / f"large{number}.bin").open("wb") as stream:
                stream.truncate(size)

    return make


def chain(folder: Path) -> None:
    for number in range(60):
        (folder / f"l{number}").symlink_to(f"l{number + 1}")
    (folder / "l60").write_text("1")


def multiplying(folder: Path) -> None:
    for number in range(40):
        (folder / f"f{number}").mkdir()
        for name in ("x", "y"):
            (folder / f"f{number}" / name).symlink_to(f"../f{number + 1}")
    (folder / "f40").mkdir()
    (folder / "f40/a.py").write_text("1")


def deep(folder: Path) -> None:
    here = folder
    for _ in range(30):
        here = here / ("d" * 50)
    here.mkdir(parents=True)
    (here / "a.py").write_text("1")


def listening(folder: Path) -> None:
    short = Path(tempfile.mkdtemp())
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(short / "s"))
    shutil.move(short / "s", folder / "socket")


REFUSED: dict[str, tuple[Build, str]] = {
    "a link to a file of the machine": (link("a", "/etc/shadow"), "a: a link that leaves the folder ('/etc/shadow')"),
    "a link above the folder": (link("a", "../../x"), "a: a link that leaves the folder"),
    "a link that leaves by another link": (
        lambda folder: (link("up", "..")(folder), link("a", "up/x")(folder)),
        "a: a link that leaves the folder",
    ),
    "a link to nothing": (link("a", "missing"), "a: a broken link"),
    "a link to itself": (link("a", "a"), "a: a loop, or a chain of more than 40 links"),
    "a link to its own folder": (link("a", "."), "a: a loop, or a chain of more than 40 links"),
    "a long chain of links": (chain, "a loop, or a chain of more than 40 links"),
    "links that multiply": (multiplying, "files"),
    "a pipe": (lambda folder: os.mkfifo(folder / "pipe"), "pipe: neither a file nor a link"),
    "a socket": (listening, "socket: neither a file nor a link"),
    "a name that is not UTF-8": (named(b"caf\xe9.py"), r"b'caf\xe9.py': its name is not UTF-8"),
    "a name with a line break": (named(b"a\nb.py"), "with unprintable characters"),
    "a name that drives a terminal": (named(b"a\x1b[2Jb.py"), "with unprintable characters"),
    "a name that reads backwards": (named("a\u202eyp.exe".encode()), "with unprintable characters"),
    "a name with a backslash": (named(b"..\\..\\x.py"), "a name with a backslash"),
    "a path of more than 1,024 bytes": (deep, "the limit is 1024"),
    "a file of 65 MB": (large(65_000_000), "large0.bin: 65 MB; the limit is 64 MB"),
    "half a gigabyte in all": (large(*[60_000_000] * 9), "all files together are 540 MB; the limit is 512 MB"),
    "a pointer of Git LFS": (
        lambda folder: (folder / "a").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"),
        "a: a Git LFS pointer, not the file itself",
    ),
    "nothing at all": (lambda folder: (folder / "a.py").unlink(), "there are no files to release"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_refused_before_it_is_read(kind: str, tmp_path: Path) -> None:
    build, why = REFUSED[kind]
    (tmp_path / "a.py").write_text("1") if kind == "nothing at all" else (tmp_path / "fine.py").write_text("1")
    build(tmp_path)
    with pytest.raises(TradewindError) as caught:
        collect(source_of(tmp_path))
    assert why in str(caught.value)
    assert "\x1b" not in str(caught.value)


def test_refused_where_a_file_cannot_be_read() -> None:
    """Root can read every file, so the test reads as another user if it runs as root."""
    folder = Path(tempfile.mkdtemp())
    try:
        folder.chmod(0o755)
        (folder / "a.py").write_text("1")
        (folder / "a.py").chmod(0)
        source = source_of(folder)
        user = os.geteuid()
        try:
            if user == 0:
                os.seteuid(65_534)
            with pytest.raises(TradewindError, match=r"'a\.py' cannot be read: Permission denied"):
                collect(source)
        finally:
            os.seteuid(user)
    finally:
        shutil.rmtree(folder)


@pytest.mark.parametrize(
    ("entry", "why"),
    [
        (b"100644 ..\0", "leaves the folder"),
        (b"100644 .git\0", "files of git itself are not released"),
        (b"100644 .GIT\0", "files of git itself are not released"),
        (b"120000 out\0", "leaves the folder"),
        (b"160000 sub\0", "a submodule"),
    ],
)
def test_refused_in_a_commit_that_git_itself_would_not_make(entry: bytes, why: str, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    blob = bytes.fromhex(git(tmp_path, "hash-object", "-w", "--stdin", given=b"../etc"))
    fine = b"100644 a.py\0" + blob
    tree = git(tmp_path, "hash-object", "-t", "tree", "-w", "--literally", "--stdin", given=entry + blob + fine)
    commit = git(tmp_path, "commit-tree", tree, "-m", "bad")
    with pytest.raises(TradewindError, match=why):
        collect(Commit.of(tmp_path, commit))


def test_programs_that_a_repository_names_are_not_run(tmp_path: Path) -> None:
    folder, trap = tmp_path / "repository", tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    folder.mkdir()
    (folder / "a.py").write_text("1")
    git(folder, "init", "--quiet")
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "x")
    for key in ("core.fsmonitor", "core.sshCommand", "diff.external", "core.pager", "gpg.program", "core.editor"):
        git(folder, "config", key, str(trap))
    git(folder, "config", "log.showSignature", "true")
    for hook in ("post-index-change", "pre-commit", "reference-transaction"):
        shutil.copy(trap, folder / ".git/hooks" / hook)
    assert list(collect(source_of(folder)).files) == ["a.py"]
    (folder / "b.py").write_text("2")
    assert list(collect(source_of(folder)).files) == ["a.py", "b.py"]
    assert not (tmp_path / "sprung").exists()


def test_names_of_ours_are_files_like_others(tmp_path: Path) -> None:
    """A file with the name of the pointer, a release or a lock is an ordinary file of the release."""
    for name in ("current", "releases", "d-0123456789abcdef.zip", ".deploying", "d-0123456789abcdef.json", "é" * 127):
        (tmp_path / name).write_text("1")
    tree = collect(source_of(tmp_path))
    assert set(tree.files) == {path.name for path in tmp_path.iterdir()}
    shared = SharedFolder(tmp_path.parent / "shared")
    made, _, _ = release.build(tree, shared.folder / RELEASES)
    assert shared.activate(made.id).release == made.id


HUGE = 200_000
CODE = {
    "brackets": "(" * HUGE,
    "closed brackets": "(" * HUGE + ")" * HUGE,
    "minus": "-" * HUGE + "1",
    "plus": "1+" * HUGE + "1",
    "dots": "a" + ".a" * HUGE,
    "calls": "f(" * 90 + ")" * 90,
    "lines": "x = 1\n" * HUGE,
    "nulls": "\0" * 100,
    "indents": "".join(f"{' ' * n}if x:\n" for n in range(150)),
    "an encoding that there is not": "# -*- coding: nothing -*-\n",
    "a number that takes for ever": "x = 9" + "9" * HUGE,
    "surrogates": "x = '\\ud800'",
}


@pytest.mark.parametrize("kind", CODE)
def test_code_that_breaks_readers_is_read_or_not_but_does_no_harm(kind: str) -> None:
    """In another process: a stack overflow in Python's parser would end this process."""
    program = "import sys; from tradewind.dags import imports; print(imports.read(sys.stdin.buffer.read()))"
    done = subprocess.run([sys.executable, "-c", program], input=CODE[kind].encode(), capture_output=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert done.stdout.startswith(b"Code(")


def bomb(path: Path, size: int) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("bomb.py", "w") as stream:
        stream.write(b"# airflow dag\n")
        for _ in range(size >> 20):
            stream.write(bytes(1 << 20))


def test_what_the_gate_contains(tmp_path: Path) -> None:
    """Files that harm when unpacked. For files that harm when they run, see tests/processes/dags/test_gate.py."""
    bomb(tmp_path / "bomb.zip", 1 << 30)
    assert (tmp_path / "bomb.zip").stat().st_size < 4 << 20
    good = b"from airflow.sdk import DAG\ngood = DAG('good')\n"
    files = {"bomb.zip": File((tmp_path / "bomb.zip").read_bytes()), "good.py": File(good)}
    files["plus.py"] = File(b"# airflow dag\n" + CODE["plus"].encode())
    files["text.zip"] = File(b"PK\x03\x04 not an archive, airflow dag")
    tested = examine(Tree(files, Origin()), Gate(memory_mb=256, import_timeout_s=20))
    said = {finding.file: finding.text for finding in tested.findings if finding.error}
    assert "MemoryError" in said["bomb.zip"]
    assert "plus.py" in said
    assert tested.dags() == {"good.py": ("good",)}


def damaged(change: Callable[[Path, Path, DagRelease], object]) -> Callable[[SharedFolder], str]:
    def make(shared: SharedFolder) -> str:
        tree = Tree({"a.py": File(b"A = 1")}, Origin())
        made, archive, manifest = release.build(tree, shared.folder / RELEASES)
        change(archive, manifest, made)
        return made.id

    return make


def rewritten(archive: Path, name: str, content: bytes) -> None:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as stored:
        stored.writestr(name, content)


def renamed(manifest: Path, path: str) -> None:
    """The manifest of the same file under another path, with the id for this content."""
    document = json.loads(manifest.read_text())
    entry = document["files"]["a.py"]
    made = DagRelease({path: Entry(*entry)})
    DagRelease.from_dict({**document, "files": {path: entry}, "id": made.id})


ARCHIVES: dict[str, tuple[Callable[[SharedFolder], str], str]] = {
    "a bomb": (damaged(lambda a, _m, _r: rewritten(a, "a.py", bytes(64 << 20))), "a.py has another size"),
    "other content": (damaged(lambda a, _m, _r: rewritten(a, "a.py", b"A = 2")), "a.py has another checksum"),
    "another name": (damaged(lambda a, _m, _r: rewritten(a, "../../a.py", b"A = 1")), "is damaged"),
    "cut short": (damaged(lambda a, _m, _r: a.write_bytes(a.read_bytes()[:40])), "is damaged"),
    "no archive": (damaged(lambda a, _m, _r: a.unlink()), "has no archive"),
    "a manifest that is none": (damaged(lambda _a, m, _r: m.write_text("[")), "cannot be read"),
}


@pytest.mark.parametrize("kind", ARCHIVES)
def test_what_is_not_put_in_force(kind: str, tmp_path: Path) -> None:
    make, why = ARCHIVES[kind]
    shared = SharedFolder(tmp_path)
    before, _, _ = release.build(Tree({"b.py": File(b"B")}, Origin()), shared.folder / RELEASES)
    shared.activate(before.id)
    bad = make(shared)
    with pytest.raises(TradewindError, match=why):
        shared.activate(bad)
    now = shared.active()
    assert now is not None
    assert now.release == before.id


@pytest.mark.parametrize("path", ["../a.py", "/a.py", "b/../../a.py", "./a.py", ""])
def test_a_manifest_that_leads_elsewhere(path: str, tmp_path: Path) -> None:
    _, _, manifest = release.build(Tree({"a.py": File(b"A")}, Origin()), tmp_path)
    with pytest.raises(TradewindError, match="leaves the folder"):
        renamed(manifest, path)
