"""Where DAG files come from: a commit of a git repository, or a folder as it lies there.

Both only list and read; what may be shipped is decided in one place, ``tree``.
"""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from tradewind.dag_releases.manifest import Origin
from tradewind.errors import ExitCode, TradewindError

IGNORED = frozenset({"__pycache__", ".git", ".tradewind", ".pytest_cache", ".mypy_cache", ".ruff_cache"})
"""Folders that no release needs, where there is no git to say so."""

# A repository may be somebody else's: of what it configures, nothing is run but filters of its own files, and nobody is
# asked for a password.
_GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:ssh:file", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}


class Kind(StrEnum):
    """What stands at a path."""

    FILE = "a file"
    LINK = "a symbolic link"
    SUBMODULE = "a submodule"
    SPECIAL = "neither a file nor a link"


@dataclass(frozen=True)
class Found:
    """One path, as the source has it: bytes, since nobody has looked yet whether it is text. ``size`` in bytes.

    ``blob`` names the content in git.
    """

    path: bytes
    kind: Kind
    size: int
    executable: bool = False
    blob: bytes = b""


class Source(Protocol):
    """A set of files that does not change while it is read, or is noticed to have changed."""

    def origin(self) -> Origin:
        """Where the files come from."""

    def name(self) -> str | None:
        """A name that no other set of files has; None where only reading all of them gives one."""

    def found(self) -> tuple[Found, ...]:
        """Every path, in no order."""

    def read(self, found: Iterable[Found]) -> Iterator[bytes]:
        """The contents, in the order of ``found``; of a link, where it leads. TradewindError where that fails."""


@dataclass(frozen=True)
class Commit:
    """A folder of a git repository at a commit. ``prefix``: the folder inside the repository, "" for all of it."""

    repository: Path
    commit: str
    prefix: str = ""

    @classmethod
    def of(cls, folder: Path, ref: str, below: str = "") -> Commit:
        """The commit that ``ref`` names, in the repository that ``folder`` belongs to. TradewindError where not.

        ``below``: the folder that is meant, from ``folder``, which need not have files.
        """
        prefix = _git(folder, "rev-parse", "--show-prefix").decode().rstrip("\n").rstrip("/")
        prefix = "/".join(filter(None, [prefix, below.strip("/")]))
        commit = _git(folder, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}", check=False)
        if not commit:
            raise TradewindError(
                f"there is no commit {ref!r} in {folder}", hint=f"git -C {folder} fetch", code=ExitCode.USAGE
            )
        return cls(folder, commit.decode().strip(), prefix)

    def origin(self) -> Origin:
        """See Source."""
        # Not `git show`, which may run programs that the repository names.
        head, _, message = (
            _git(self.repository, "cat-file", "commit", self.commit).decode(errors="replace").partition("\n\n")
        )
        author = next((line for line in head.splitlines() if line.startswith("author ")), "")
        name = author.removeprefix("author ").rpartition(">")[0]
        return Origin(self.commit, author=f"{name}>" if name else None, subject=message.partition("\n")[0])

    def name(self) -> str | None:
        """See Source: git's name of the tree."""
        return _git(self.repository, "rev-parse", "--verify", self._tree).decode().strip()

    @property
    def _tree(self) -> str:
        return f"{self.commit}:{self.prefix}"

    def found(self) -> tuple[Found, ...]:
        """See Source."""
        listed = _git(self.repository, "ls-tree", "-r", "-z", "--long", "--full-tree", self._tree)
        return tuple(self._entry(line) for line in listed.split(b"\0") if line)

    def read(self, found: Iterable[Found]) -> Iterator[bytes]:
        """See Source."""
        wanted = list(found)
        names = b"".join(entry.blob + b"\n" for entry in wanted)
        answered = _git(self.repository, "cat-file", "--batch=%(objectsize)", given=names)
        at = 0
        for entry in wanted:
            end = answered.index(b"\n", at)
            size = answered[at:end]
            if not size.isdigit():  # a shallow or partial clone
                raise TradewindError(
                    f"git has no content for {os.fsdecode(entry.path)!r}",
                    size.decode(),
                    f"git -C {self.repository} fetch --refetch",
                )
            yield answered[end + 1 : end + 1 + int(size)]
            at = end + 2 + int(size)

    @staticmethod
    def _entry(line: bytes) -> Found:
        about, _, path = line.partition(b"\t")
        mode, _, blob, size = about.split()
        kinds = {b"120000": Kind.LINK, b"160000": Kind.SUBMODULE}
        return Found(path, kinds.get(mode, Kind.FILE), int(size) if size.isdigit() else 0, mode == b"100755", blob)


@dataclass(frozen=True)
class Folder:
    """A folder as it lies there: what git knows or would add, or all of it where there is no git."""

    folder: Path
    commit: Commit | None = None

    def origin(self) -> Origin:
        """See Source."""
        if self.commit is None:
            return Origin(dirty=True)
        beneath = self.commit.origin()
        return Origin(beneath.commit, True, beneath.author, beneath.subject)

    def name(self) -> str | None:
        """See Source."""
        return None

    def found(self) -> tuple[Found, ...]:
        """See Source."""
        paths = self._known() if self.commit else self._walk(self.folder)
        return tuple(found for path in paths if (found := self._look(path)))

    def read(self, found: Iterable[Found]) -> Iterator[bytes]:
        """See Source."""
        for entry in found:
            path = self._path(entry.path)
            try:
                if entry.kind is Kind.LINK:
                    yield os.fsencode(path.readlink())
                    continue
                # What was a file may be a link, or a pipe, by now.
                with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb") as stream:
                    content = stream.read(entry.size + 1)
            except OSError as error:
                raise TradewindError(f"{os.fsdecode(entry.path)!r} cannot be read", str(error.strerror)) from error
            if len(content) != entry.size:
                raise TradewindError(f"{os.fsdecode(entry.path)!r} changed while it was read", hint="try again")
            yield content

    def _known(self) -> Iterable[bytes]:
        listed = _git(self.folder, "ls-files", "-z", "--cached", "--others", "--exclude-standard")
        return {path for path in listed.split(b"\0") if path}

    def _walk(self, folder: Path) -> Iterator[bytes]:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.is_dir(follow_symlinks=False):
                    yield os.fsencode(Path(entry.path).relative_to(self.folder))
                elif entry.name not in IGNORED:
                    yield from self._walk(Path(entry.path))

    def _look(self, path: bytes) -> Found | None:
        try:
            about = self._path(path).lstat()
        except FileNotFoundError:
            return None  # git knows it, and it was deleted
        if stat.S_ISREG(about.st_mode):
            return Found(path, Kind.FILE, about.st_size, bool(about.st_mode & 0o100))
        if stat.S_ISLNK(about.st_mode):
            return Found(path, Kind.LINK, about.st_size)
        return Found(path.rstrip(b"/"), Kind.SUBMODULE if stat.S_ISDIR(about.st_mode) else Kind.SPECIAL, 0)

    def _path(self, path: bytes) -> Path:
        return self.folder / os.fsdecode(path)


def fetched(url: str, folder: Path) -> Path:
    """A copy of somebody's repository below ``folder``, with all that is there now. TradewindError where git fails."""
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    copy = folder / f"{name}.git"
    if not copy.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _git(folder, "init", "--quiet", "--bare", name + ".git")
    everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    _git(copy, "fetch", "--quiet", "--prune", "--force", "--no-write-fetch-head", "--", url, *everything)
    return copy


def source_of(folder: Path, ref: str | None = None) -> Source:
    """The files of ``folder``: at ``ref`` where that is given, else as its commit has them while nothing was changed.

    Raises:
        TradewindError: no such folder, no such commit, or a commit is asked for where there is no git.
    """
    if not folder.is_dir():
        raise TradewindError(f"there is no folder {folder}", code=ExitCode.USAGE)
    inside = _git(folder, "rev-parse", "--is-inside-work-tree", check=False).strip() == b"true"
    if ref is not None:
        return Commit.of(folder, ref)
    if not inside or not _git(folder, "rev-parse", "--verify", "--quiet", "HEAD", check=False):
        return Folder(folder)
    if _git(folder, "check-ignore", ".", check=False):
        return Folder(folder)  # in a repository, but none of its business
    head = Commit.of(folder, "HEAD")
    changed = _git(folder, "status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=all", "--", ".")
    return Folder(folder, head) if changed else head


def commit_of(file: Path) -> str:
    """The commit that a file is of, with ``-dirty`` where it was changed since; empty where no repository has it."""
    try:
        head = _git(file.parent, "rev-parse", "--verify", "--quiet", "HEAD", check=False).decode().strip()
        changed = head and _git(file.parent, "status", "--porcelain", "--", file.name, check=False)
    except TradewindError:  # there is no git
        return ""
    return f"{head}-dirty" if changed else head


def repository_of(folder: Path) -> Path | None:
    """The top of the repository that ``folder`` belongs to, if any."""
    found = _git(folder, "rev-parse", "--show-toplevel", check=False).decode().strip()
    return Path(found).resolve() if found else None


def _git(folder: Path, *arguments: str, given: bytes = b"", check: bool = True) -> bytes:
    """What git says. TradewindError where it fails and ``check``; else nothing."""
    try:
        result = subprocess.run(  # noqa: S603
            [*_GIT, "-C", str(folder), *arguments],
            input=given,
            capture_output=True,
            check=False,
            env=os.environ | _QUIET,
        )
    except FileNotFoundError:
        raise TradewindError("git is not installed", hint="install git") from None
    if result.returncode == 0:
        return result.stdout
    if not check:
        return b""
    why = result.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
    raise TradewindError(f"git {arguments[0]} failed in {folder}", why, code=ExitCode.USAGE)
