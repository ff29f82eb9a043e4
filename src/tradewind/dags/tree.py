"""Decides which files of a source may be shipped: plain files with plain names. Reports all problems at once.

A link inside the folder becomes the files that it points to, so that a release has the same content wherever it is
unpacked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from tradewind.dag_releases.manifest import Origin
from tradewind.dags.source import Found, Kind, Source
from tradewind.errors import ExitCode, TradewindError

_SHOWN = 20
"""Problems that are listed; further ones are only counted."""
_LINKS = 40
"""The longest chain of links: as many as Linux follows (path_resolution(7))."""
_LFS = b"version https://git-lfs.github.com/spec/"


@dataclass(frozen=True)
class Limits:
    """The limits of a release: far above normal use, far below a size that does harm. Sizes in bytes."""

    files: int = 50_000
    file_size: int = 64_000_000
    size: int = 512_000_000
    path_length: int = 1024
    name_length: int = 255  # Linux, and NFS


@dataclass(frozen=True)
class File:
    """One file of a release."""

    content: bytes
    executable: bool = False


@dataclass(frozen=True)
class Tree:
    """The files of a release by their paths, sorted, and their origin."""

    files: Mapping[str, File]
    origin: Origin = field(default=Origin())


def collect(source: Source, limits: Limits = Limits()) -> Tree:
    """Read every file of ``source``.

    Raises:
        TradewindError: these files cannot be shipped; the message lists the reasons.
    """
    found = source.found()
    problems = list(_refusals(found, limits))
    _complain(problems)  # a path without a valid name cannot be checked further
    named = {entry.path.decode(): entry for entry in found}
    files = {path: entry for path, entry in named.items() if entry.kind is Kind.FILE}
    links = [path for path, entry in named.items() if entry.kind is Kind.LINK]
    leads = {p: c.decode(errors="replace") for p, c in zip(links, source.read(named[p] for p in links), strict=True)}
    wanted = {path: path for path in files}
    for path in sorted(leads):
        try:
            wanted |= _behind(path, files, leads, limits)
        except _TooManyError as error:
            problems.append(str(error))
            break  # this check takes long, and other links may need as long
        except _RefusedError as error:
            problems.append(str(error))
        if len(wanted) > limits.files:
            break
    if len(wanted) > limits.files:
        problems.append(f"there are {len(wanted)} files; the limit is {limits.files}")
    size = sum(files[path].size for path in wanted.values())
    if size > limits.size:
        problems.append(f"all files together are {_mb(size)}; the limit is {_mb(limits.size)}")
    _complain(problems)
    if not files:
        raise TradewindError("there are no files to release", code=ExitCode.USAGE)
    contents = dict(zip(files, source.read(files.values()), strict=True))
    _complain([f"{path}: a Git LFS pointer, not the file itself" for path in files if contents[path].startswith(_LFS)])
    return Tree(
        {path: File(contents[real], files[real].executable) for path, real in sorted(wanted.items())}, source.origin()
    )


class _RefusedError(Exception):
    """A path that cannot be shipped, and why."""


class _TooManyError(_RefusedError):
    """A link that adds more files than a release may have."""


def _refusals(found: tuple[Found, ...], limits: Limits) -> Iterator[str]:
    for entry in found:
        try:
            path = entry.path.decode()
        except UnicodeDecodeError:
            yield f"{entry.path!r}: its name is not UTF-8"
            continue
        names = path.split("/")
        if path.startswith("/") or {"", ".", ".."} & set(names):
            yield f"{path!r}: a path that leaves the folder"
        elif any(name.lower() == ".git" for name in names):
            yield f"{path!r}: files of git itself are not released"
        elif "\\" in path or not path.isprintable():
            yield f"{path!r}: a name with a backslash or with unprintable characters"
        elif len(entry.path) > limits.path_length:
            yield f"{path[:60]!r}…: a path of {len(entry.path)} bytes; the limit is {limits.path_length}"
        elif any(len(name.encode()) > limits.name_length for name in names):
            yield f"{path[:60]!r}…: a name of more than {limits.name_length} bytes"
        elif entry.kind in {Kind.SUBMODULE, Kind.SPECIAL}:
            yield f"{path}: {entry.kind}"
        elif entry.size > limits.file_size:
            yield f"{path}: {_mb(entry.size)}; the limit is {_mb(limits.file_size)}"


def _behind(path: str, files: Mapping[str, Found], leads: Mapping[str, str], limits: Limits) -> dict[str, str]:
    """Map each path that a link adds to the file that it points to."""
    made: dict[str, str] = {}
    left = [(path, path, 0)]
    while left:
        here, link, depth = left.pop()
        real = _real(link, leads)
        if real in files:
            made[here] = real
            continue
        inside = f"{real}/" if real else ""
        if depth > _LINKS or link.startswith(inside):
            raise _RefusedError(f"{path}: a loop, or a chain of more than {_LINKS} links")
        below = [name for name in files if name.startswith(inside)]
        further = [name for name in leads if name.startswith(inside)]
        if not below and not further:
            raise _RefusedError(f"{link}: a broken link ({leads[link]!r})")
        made |= {f"{here}/{name[len(inside) :]}": name for name in below}
        left += [(f"{here}/{name[len(inside) :]}", name, depth + 1) for name in further]
        if len(made) + len(left) > limits.files:
            raise _TooManyError(f"{path}: a link that adds more than {limits.files} files")
    return made


def _real(path: str, leads: Mapping[str, str]) -> str:
    """Resolve the links of a path, as Linux does."""
    done: list[str] = []
    left, followed = path.split("/"), 0
    while left:
        name = left.pop(0)
        if name in {"", "."}:
            continue
        if name == "..":
            if not done:
                raise _RefusedError(f"{path}: a link that leaves the folder ({leads[path]!r})")
            done.pop()
            continue
        target = leads.get("/".join([*done, name]))
        if target is None:
            done.append(name)
            continue
        followed += 1
        if followed > _LINKS:
            raise _RefusedError(f"{path}: a loop, or a chain of more than {_LINKS} links")
        if target.startswith("/"):
            raise _RefusedError(f"{path}: a link that leaves the folder ({leads[path]!r})")
        left = [*target.split("/"), *left]
    return "/".join(done)


def _complain(problems: list[str]) -> None:
    problems = list(dict.fromkeys(problems))
    if not problems:
        return
    more = [f"and {len(problems) - _SHOWN} more"] if len(problems) > _SHOWN else []
    count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
    why = "\n  ".join([count, *problems[:_SHOWN], *more])
    raise TradewindError("these files cannot be released", why, code=ExitCode.USAGE)


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
