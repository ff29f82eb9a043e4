"""Reads the inputs of each image from a Dockerfile. Pure."""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from tradewind.errors import TradewindError

KEY_LENGTH = 16
"""Hexadecimal digits of a content key: 64 bits, enough for some thousand builds of one company."""


@dataclass(frozen=True)
class Stage:
    """One ``FROM … AS name``: its instructions, the stages that it depends on, the files that it copies."""

    name: str
    base: str
    instructions: tuple[str, ...] = ()
    stages: tuple[str, ...] = ()
    files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """A Dockerfile: its stages by name, and the arguments before the first stage."""

    stages: Mapping[str, Stage] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Recipe:
        """Read a Dockerfile. TradewindError, rather than a wrong result, for syntax that is not supported."""
        stages: dict[str, Stage] = {}
        arguments: list[str] = []
        current: Stage | None = None
        for instruction in _instructions(text):
            words = shlex.split(instruction)
            verb = words[0].upper()
            if verb == "FROM":
                if current:
                    stages[current.name] = current
                current = _stage(words)
            elif current is None:
                arguments.append(instruction)
            else:
                current = _extended(current, verb, words, instruction)
        if current:
            stages[current.name] = current
        return cls(stages, tuple(arguments))

    def needed(self, target: str) -> tuple[Stage, ...]:
        """The stages that ``target`` is made from, itself last. KeyError if there is no such stage."""
        order: dict[str, Stage] = {}

        def visit(name: str) -> None:
            stage = self.stages[name]
            for other in (stage.base, *stage.stages):
                if other in self.stages and other not in order:
                    visit(other)
            order[name] = stage

        visit(target)
        return tuple(order.values())

    def files(self, target: str) -> tuple[str, ...]:
        """Files and folders of the build context that ``target`` is made from, sorted."""
        return tuple(sorted({file for stage in self.needed(target) for file in stage.files}))

    def key(self, target: str, read: Callable[[str], Iterable[tuple[str, bytes]]], given: Mapping[str, str]) -> str:
        """A key for the content of ``target``: the same as long as none of its inputs changes.

        Args:
            target: the stage.
            read: returns the files of a file or folder of the context: path with mode, and content.
            given: further inputs, such as the digest of the base image and the platform.
        """
        digest = hashlib.sha256()

        def take(*parts: bytes) -> None:
            for part in parts:
                digest.update(len(part).to_bytes(8, "big") + part)

        for name, value in sorted(given.items()):
            take(name.encode(), value.encode())
        for stage in self.needed(target):
            take(stage.name.encode(), stage.base.encode(), *(line.encode() for line in stage.instructions))
        for file in self.files(target):
            for path, content in read(file):
                take(path.encode(), content)
        return digest.hexdigest()[:KEY_LENGTH]


def _instructions(text: str) -> Iterable[str]:
    lines = [line for line in text.splitlines() if not re.match(r"\s*(#|$)", line)]
    joined = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    return [line.strip() for line in joined.splitlines()]


def _stage(words: list[str]) -> Stage:
    parts = [word for word in words[1:] if not word.startswith("--")]
    if len(parts) != 3 or parts[1].upper() != "AS":
        raise TradewindError(f"the stage {' '.join(words)} has no name", "each FROM needs `AS name`")
    return Stage(name=parts[2], base=parts[0])


def _extended(stage: Stage, verb: str, words: list[str], instruction: str) -> Stage:
    options = [word for word in words[1:] if word.startswith("--")]
    values = [word for word in words[1:] if not word.startswith("--")]
    stages, files = stage.stages, stage.files
    sources = [option.partition("=")[2] for option in options if option.startswith("--from=")]
    if verb == "ADD" or (verb == "COPY" and instruction.partition(" ")[2].lstrip().startswith("[")):
        raise TradewindError(f"{instruction}: write it as COPY, without brackets")
    if verb == "COPY":
        stages, files = (*stages, *sources), files if sources else (*files, *values[:-1])
    return Stage(stage.name, stage.base, (*stage.instructions, instruction), stages, files)
