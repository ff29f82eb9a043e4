"""The sources of DAG files: a commit of a git repository, or a folder as it is on disk.

A source only lists and reads. ``tree`` alone decides which files may be shipped.
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
"""Folders that no release needs. In a git repository, its ignore rules decide instead."""

# A repository may be foreign: of its configuration, git runs only the filters of its files. Git never prompts for a
# password.
_GIT = ("git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
_QUIET = {"GIT_TERMINAL_PROMPT": "0", "GIT_ALLOW_PROTOCOL": "https:ssh:file", "GIT_NO_LAZY_FETCH": "1", "LC_ALL": "C"}


class Kind(StrEnum):
    """The type of a path."""

    FILE = "a file"
    LINK = "a symbolic link"
    SUBMODULE = "a submodule"
    SPECIAL = "neither a file nor a link"


@dataclass(frozen=True)
class Found:
    """One path, as the source lists it: in bytes, because it may not be UTF-8. ``size`` in bytes.

    ``blob``: the object id of the content in git.
    """

    path: bytes
    kind: Kind
    size: int
    executable: bool = False
    blob: bytes = b""


class Source(Protocol):
    """A set of files that stays the same while it is read, or whose change is detected."""

    def origin(self) -> Origin:
        """Where the files come from."""

    def name(self) -> str | None:
        """A name that no other set of files has; None if only reading all files can give one."""

    def found(self) -> tuple[Found, ...]:
        """Every path, in no particular order."""

    def read(self, found: Iterable[Found]) -> Iterator[bytes]:
        """The contents, in the order of ``found``; for a link, its target. TradewindError if a read fails."""


@dataclass(frozen=True)
class Commit:
    """A folder of a git repository at a commit. ``prefix``: the folder inside the repository, "" for all of it."""

    repository: Path
    commit: str
    prefix: str = ""

    @classmethod
    def of(cls, folder: Path, ref: str, below: str = "") -> Commit:
        """The commit that ``ref`` names, in the repository of ``folder``. TradewindError if there is none.

        ``below``: the selected folder, relative to ``folder``. ``folder`` may be a bare repository.
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
        """See Source: the object id of the tree in git."""
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
    """A folder as it is on disk: the files that git tracks or would add, or all files if there is no git."""

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
                # A file may have become a link or a pipe since it was listed.
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
            return None  # git tracks it, but it was deleted
        if stat.S_ISREG(about.st_mode):
            return Found(path, Kind.FILE, about.st_size, bool(about.st_mode & 0o100))
        if stat.S_ISLNK(about.st_mode):
            return Found(path, Kind.LINK, about.st_size)
        return Found(path.rstrip(b"/"), Kind.SUBMODULE if stat.S_ISDIR(about.st_mode) else Kind.SPECIAL, 0)

    def _path(self, path: bytes) -> Path:
        return self.folder / os.fsdecode(path)


def fetched(url: str, folder: Path) -> Path:
    """Fetch all branches and tags of a remote repository into a bare copy below ``folder``; return the copy.

    Raises:
        TradewindError: git failed.
    """
    name = hashlib.sha256(url.encode()).hexdigest()[:16]
    copy = folder / f"{name}.git"
    if not copy.exists():
        folder.mkdir(parents=True, exist_ok=True)
        _git(folder, "init", "--quiet", "--bare", name + ".git")
    everything = ("+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
    _git(copy, "fetch", "--quiet", "--prune", "--force", "--no-write-fetch-head", "--", url, *everything)
    return copy


def source_of(folder: Path, ref: str | None = None) -> Source:
    """The files of ``folder``: at ``ref`` if given, else at its commit if nothing was changed since, else on disk.

    Raises:
        TradewindError: the folder or the commit does not exist, or ``ref`` is given outside a git repository.
    """
    if not folder.is_dir():
        raise TradewindError(f"there is no folder {folder}", code=ExitCode.USAGE)
    inside = _git(folder, "rev-parse", "--is-inside-work-tree", check=False).strip() == b"true"
    if ref is not None:
        return Commit.of(folder, ref)
    if not inside or not _git(folder, "rev-parse", "--verify", "--quiet", "HEAD", check=False):
        return Folder(folder)
    if _git(folder, "check-ignore", ".", check=False):
        return Folder(folder)  # inside a repository that ignores it
    head = Commit.of(folder, "HEAD")
    changed = _git(folder, "status", "--porcelain", "-z", "--untracked-files=all", "--ignore-submodules=all", "--", ".")
    return Folder(folder, head) if changed else head


def commit_of(file: Path) -> str:
    """The commit of a file, with ``-dirty`` if the file was changed since; empty if no repository has it."""
    try:
        head = _git(file.parent, "rev-parse", "--verify", "--quiet", "HEAD", check=False).decode().strip()
        changed = head and _git(file.parent, "status", "--porcelain", "--", file.name, check=False)
    except TradewindError:  # there is no git
        return ""
    return f"{head}-dirty" if changed else head


def repository_of(folder: Path) -> Path | None:
    """The top folder of the repository that contains ``folder``, or None."""
    found = _git(folder, "rev-parse", "--show-toplevel", check=False).decode().strip()
    return Path(found).resolve() if found else None


def _git(folder: Path, *arguments: str, given: bytes = b"", check: bool = True) -> bytes:
    """The output of git. If git fails: TradewindError with ``check``, else empty."""
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
