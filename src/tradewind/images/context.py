"""The build context of an image: the Dockerfile, the files that it copies, and the files of the customer."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path

from tradewind.errors import ExitCode, TradewindError

DOCKERFILE = "images/Dockerfile"
CUSTOMER = {"requirements": "images/customer/requirements.txt", "packages": "images/customer/packages.txt"}
_LEFT_OUT = {"__pycache__"}


@dataclass(frozen=True)
class Context:
    """Paths as the Dockerfile names them, relative to ``root``, except those that ``replaced`` maps elsewhere."""

    root: Path
    replaced: dict[str, Path] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, requirements: str | None, packages: str | None) -> Context:
        """The context with the customer's files, which are relative to ``folder``. The error lists all missing ones."""
        replaced: dict[str, Path] = {}
        missing: list[str] = []
        for key, given in (("requirements", requirements), ("packages", packages)):
            if not given:
                continue
            path = folder / given
            replaced[CUSTOMER[key]] = path
            if not path.is_file():
                missing.append(f"images.{key}: there is no file {path}")
        if missing:
            raise TradewindError("the images cannot be built", "; ".join(missing), code=ExitCode.USAGE)
        package = Path(str(resources.files("tradewind")))
        carried = package / "images" / "context"
        return cls.installed(package, replaced) if carried.is_dir() else cls(package.parent.parent, replaced)

    @classmethod
    def installed(cls, package: Path, replaced: Mapping[str, Path]) -> Context:
        """The context of a package that was installed from a wheel: its modules, and its files for images."""
        modules = {f"src/tradewind/{path.name}": path for path in package.iterdir()}
        return cls(package / "images" / "context", {**modules, **replaced})

    def read(self, name: str) -> Iterator[tuple[str, bytes]]:
        """Yield the files of one entry, sorted: the path with its mode, and the content."""
        for path, file in self._files(name):
            executable = file.stat().st_mode & 0o100
            yield f"{path} {'x' if executable else '-'}", file.read_bytes()

    def write(self, folder: Path, names: Iterable[str]) -> None:
        """Copy the entries into ``folder``, and nothing else, so that a build cannot use other files by accident."""
        shutil.rmtree(folder, ignore_errors=True)
        for name in (DOCKERFILE, *names):
            for path, file in self._files(name):
                target = folder / path
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(file, target)
                target.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)

    def _files(self, name: str) -> list[tuple[str, Path]]:
        name = name.rstrip("/")
        place = self.replaced.get(name, self.root / name)
        if place.is_file():
            return [(name, place)]
        if not place.is_dir():
            raise TradewindError(f"the Dockerfile copies {name}, which does not exist", f"looked for {place}")
        found = [path for path in sorted(place.rglob("*")) if path.is_file() and not _LEFT_OUT & {*path.parts}]
        return [(f"{name}/{path.relative_to(place)}", path) for path in found]
