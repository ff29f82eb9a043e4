"""Finds and reads the wheel from which the schema is rebuilt."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterable
from pathlib import Path

_PIN = Path(__file__).with_name("wheel.txt")
# The first folder's name in the package, by the kind of thing; "region" of kind "data" is data-aws-region.
_FOLDERS = {"resource": "", "data": "data-aws-", "ephemeral": "ephemeral-aws-"}


def cache_folder() -> Path:
    """The cache folder of the tests. TRADEWIND_TEST_CACHE sets another folder."""
    return Path(os.environ.get("TRADEWIND_TEST_CACHE") or Path.home() / ".cache" / "tradewind-tests")


def version() -> str:
    """The pinned version of the wheel."""
    pin = next(line for line in _PIN.read_text().splitlines() if not line.startswith("#"))
    return pin.split("==")[1].split()[0]


def wheel() -> Path:
    """The wheel. pip downloads it (70 MB) if it is not in the cache yet.

    Raises RuntimeError with pip's output if the download fails.
    """
    folder = cache_folder() / "wheels"
    pattern = f"cdktn_provider_aws-{version()}-*.whl"
    if not list(folder.glob(pattern)):
        folder.mkdir(parents=True, exist_ok=True)
        # Tests run in several processes, which must not read an incomplete file.
        with tempfile.TemporaryDirectory(dir=folder) as own:
            _download(own)
            for file in Path(own).glob(pattern):
                file.replace(folder / file.name)
    return next(folder.glob(pattern))


def _download(folder: str) -> None:
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
    command = [*pip, "--require-hashes", "--dest", folder, "-r", str(_PIN)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        raise RuntimeError(f"cannot download the package that the AWS schema is rebuilt from: {run.stderr.strip()}")


def folder_of(name: str) -> str:
    """The folder of a type: "aws_lb", "data.aws_region", or "provider"."""
    if name == "provider":
        return name
    kind, _, type_name = name.rpartition(".")
    return _FOLDERS[kind or "resource"] + type_name.removeprefix("aws_").replace("_", "-")


def read(names: Iterable[str]) -> dict[str, tuple[str, str]]:
    """The JavaScript and the declarations of each named type that the package has."""
    wanted = {folder_of(name): name for name in names}
    found: dict[str, list[str]] = {}
    with zipfile.ZipFile(wheel()) as archive:
        inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        with archive.open(inner) as packed, tarfile.open(fileobj=packed, mode="r|gz") as package:
            for member in package:
                _, _, path = member.name.partition("package/lib/")
                name = wanted.get(path.partition("/")[0])
                if not name or not path.endswith((".js", ".d.ts")):
                    continue
                texts = found.setdefault(name, ["", ""])
                content = package.extractfile(member)
                assert content is not None
                texts[path.endswith(".d.ts")] += content.read().decode()
    return {name: (texts[0], texts[1]) for name, texts in found.items()}
