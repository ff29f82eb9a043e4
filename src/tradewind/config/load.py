"""Find and read ``tradewind.yaml``: the only module of this package that touches the file system."""

from __future__ import annotations

from pathlib import Path

from tradewind.config.check import check
from tradewind.config.document import read
from tradewind.config.problems import ConfigError, Problem
from tradewind.config.tenant import Tradewind
from tradewind.errors import ExitCode, TradewindError

FILE_NAME = "tradewind.yaml"
LARGEST = 1_000_000
"""Bytes. A configuration of a hundred environments has a tenth of this."""


def load(path: Path) -> Tradewind:
    """Read and check a file.

    Raises ConfigError, with every problem, if the file cannot be read or is not a valid configuration.
    """
    name = str(path)
    return parse(_text(path, name), name)


class NoConfigurationError(TradewindError):
    """There is no configuration in a folder or above it."""


def parse(text: str, name: str = FILE_NAME) -> Tradewind:
    """Check the text of a configuration. ``name`` is its name in messages. Raises ConfigError; pure."""
    config, problems = check(read(text))
    if config is None:
        raise ConfigError(name, problems)
    return config


def find(start: Path) -> Path:
    """``tradewind.yaml`` in a folder or the nearest one above it. NoConfigurationError if there is none."""
    for folder in (start, *start.absolute().parents):
        if (folder / FILE_NAME).exists():
            return folder / FILE_NAME
    raise NoConfigurationError(
        f"there is no {FILE_NAME} in {start.absolute()} or a folder above it",
        hint=f"change to the folder that contains it, or pass --file PATH/{FILE_NAME}",
        code=ExitCode.USAGE,
    )


def _text(path: Path, name: str) -> str:
    try:
        with path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except FileNotFoundError:
        raise ConfigError(name, [Problem("", "there is no such file")]) from None
    except IsADirectoryError:
        message = f"is a folder, not a file; did you mean the {FILE_NAME} in it?"
        raise ConfigError(name, [Problem("", message)]) from None
    except PermissionError:
        raise ConfigError(name, [Problem("", "cannot be read: permission denied")]) from None
    except OSError as error:
        raise ConfigError(name, [Problem("", f"cannot be read: {error.strerror or error}")]) from None
    if len(content) > LARGEST:
        raise ConfigError(name, [Problem("", f"is larger than {LARGEST:,} bytes: not a configuration")])
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before) - (before.rfind(b"\n") + 1) + 1
        message = f"the byte 0x{content[error.start]:02x} is not UTF-8: save the file as UTF-8"
        raise ConfigError(name, [Problem("", message, line=line, column=column)]) from None
