"""Read YAML text into plain data, with the position of each key and value.

PyYAML's own constructor keeps the last of two equal keys, builds dates and sets, and drops positions. So this module
composes the node tree once and walks it. The result has only mappings, lists and plain scalars.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml
from yaml.constructor import SafeConstructor
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from tradewind.config.leaks import render, secret_kind
from tradewind.config.problems import KeyPath, Problem

MOST_VALUES = 20_000
"""The most values in a file, far above any real configuration. A larger file is a mistake or an attack."""
DEEPEST = 40
"""The most levels of nesting, far above the depth of the models."""

_PREFIX = "tag:yaml.org,2002:"
_PLAIN_TAGS = frozenset(_PREFIX + name for name in ("map", "seq", "str", "int", "float", "bool", "null", "timestamp"))
_NUMBERS = frozenset({_PREFIX + "int", _PREFIX + "float"})
_HALF = "contains half of a character (an escape from \\ud800 to \\udfff)"
_PLAIN_WORDS = (
    (r"found character '\\t' that cannot start any token", "a tab where YAML expects spaces"),
    (r"mapping values are not allowed here", "a second `:` on the line, or a line indented too far"),
    (r"could not find expected ':'", "a key without a `:`"),
    (r"expected <block end>, but found .*", "a line that fits neither the indentation above nor its list or mapping"),
    (r"expected ',' or '[\]}]', but got .*", "a `[` or `{` that is not closed, or a missing comma"),
    (r"found undefined alias.*", "an alias (`*name`) without its anchor (`&name`)"),
    (r"found duplicate anchor.*", "an anchor (`&name`) that is defined twice"),
    (r"found unexpected end of stream", "a quote that is not closed"),
    (r"but found another document", "a second document (`---`); only one is allowed"),
)


@dataclass(frozen=True, slots=True)
class Mark:
    """A position in the file; both numbers count from 1."""

    line: int
    column: int


@dataclass(slots=True)
class Document:
    """The content of a file. ``data`` is None if the text is not YAML; ``problems`` then has the reason.

    ``keys`` and ``values`` have the position of each key and value. ``written`` has each scalar as it was typed,
    because ``yes`` and ``true`` are equal after parsing. ``unread`` has the paths whose value could not be read.
    """

    data: Any = None
    problems: list[Problem] = field(default_factory=list)
    keys: dict[KeyPath, Mark] = field(default_factory=dict)
    values: dict[KeyPath, Mark] = field(default_factory=dict)
    written: dict[KeyPath, str] = field(default_factory=dict)
    unread: set[KeyPath] = field(default_factory=set)

    def place(self, path: KeyPath, *, key: bool = False) -> Mark | None:
        """The position of ``path`` (its key or its value), or of the nearest key above it that the file has."""
        if not key and path in self.values:
            return self.values[path]
        for end in range(len(path), 0, -1):
            mark = self.keys.get(path[:end]) or self.values.get(path[:end])
            if mark:
                return mark
        return self.values.get(())


def read(text: str) -> Document:
    """Read YAML. Never raises for invalid text: all problems are in ``problems``."""
    document = Document()
    try:
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        if root is not None:
            document.data = _Walk(document).build(root, ())
    except yaml.reader.ReaderError as error:
        document.problems.append(_unprintable(text, error))
    except yaml.MarkedYAMLError as error:
        document.problems.append(_syntax(error))
    except _TooMuchError as error:
        document.problems = [Problem("", str(error), line=error.mark.line, column=error.mark.column)]
    except RecursionError:
        document.problems = [Problem("", "nested too deeply")]
    return document


class _TooMuchError(Exception):
    """The document exceeds a limit, at ``mark``."""

    def __init__(self, message: str, mark: Mark) -> None:
        super().__init__(message)
        self.mark = mark


class _Walk:
    def __init__(self, document: Document) -> None:
        self._document = document
        self._constructor = SafeConstructor()
        self._count = 0
        self._above: list[Node] = []

    def build(self, node: Node, path: KeyPath) -> Any:
        self._step(node)
        if len(path) > DEEPEST:
            raise _TooMuchError(f"nested too deeply: more than {DEEPEST} levels", _mark(node))
        self._document.values[path] = _mark(node)
        if node in self._above:
            return self._unread(path, node, "an anchor that contains itself")
        if node.tag not in _PLAIN_TAGS:
            return self._unread(path, node, f"the tag {node.tag.replace(_PREFIX, '!!')[:40]} is not supported")
        self._above.append(node)
        try:
            if isinstance(node, MappingNode):
                return self._mapping(node, path)
            if isinstance(node, SequenceNode):
                return [self.build(item, (*path, index)) for index, item in enumerate(node.value)]
            return self._scalar(node, path)
        finally:
            self._above.pop()

    def _step(self, node: Node) -> None:
        self._count += 1
        if self._count > MOST_VALUES:
            message = f"expands to more than {MOST_VALUES:,} values: aliases (`*name`) inside aliases"
            raise _TooMuchError(message, _mark(node))

    def _mapping(self, node: MappingNode, path: KeyPath) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key_node, value_node in node.value:
            key = self._key(key_node, path)
            if key is None:
                continue
            inner = (*path, key)
            if key in result:
                first = self._document.keys[inner]
                message = f"the key is already in line {first.line}"
                mark = _mark(key_node)
                self._document.problems.append(
                    Problem(render(inner), message, line=mark.line, column=mark.column),
                )
                continue
            self._document.keys[inner] = _mark(key_node)
            result[key] = self.build(value_node, inner)
        for key_node, value_node in self._merged(node, path):
            key = self._key(key_node, path)
            if key is not None and key not in result:
                self._document.keys[(*path, key)] = _mark(key_node)
                result[key] = self.build(value_node, (*path, key))
        return result

    def _key(self, node: Node, path: KeyPath) -> str | None:
        if node.tag == _PREFIX + "merge":
            return None
        if isinstance(node, ScalarNode) and node.tag == _PREFIX + "str" and not _half(node.value):
            return str(node.value)
        if isinstance(node, ScalarNode) and _half(node.value):
            self._wrong(path, node, _HALF)
        elif isinstance(node, ScalarNode):
            shown = "" if secret_kind(node.value) else f" `{node.value[:40]}`"
            self._wrong(path, node, f"YAML does not read the key{shown} as text: write it in quotes")
        else:
            self._wrong(path, node, "a key must be text, not a list or a mapping")
        return None

    def _merged(self, node: MappingNode, path: KeyPath) -> Iterator[tuple[Node, Node]]:
        """The pairs that merge keys (``<<``) add. Of equal keys the first wins, as the YAML merge type defines."""
        for key_node, value_node in node.value:
            if key_node.tag != _PREFIX + "merge":
                continue
            sources = value_node.value if isinstance(value_node, SequenceNode) else [value_node]
            for source in sources:
                self._step(source)
                if not isinstance(source, MappingNode):
                    self._wrong(path, source, "`<<` merges a mapping or a list of mappings")
                elif source in self._above:
                    self._wrong(path, source, "an anchor that contains itself")
                else:
                    self._above.append(source)
                    yield from ((key, value) for key, value in source.value if key.tag != _PREFIX + "merge")
                    yield from self._merged(source, path)
                    self._above.pop()

    def _scalar(self, node: Node, path: KeyPath) -> Any:
        self._document.written[path] = node.value
        if _half(node.value):
            return self._unread(path, node, _HALF)
        if node.tag == _PREFIX + "timestamp":
            return _Date(node.value)
        try:
            # As in YAML 1.2: 3:00 is text, not 180, and 010 is ten, not eight.
            if node.tag in _NUMBERS and ":" in node.value:
                return str(node.value)
            if node.tag in _NUMBERS and re.fullmatch(r"[-+]?[0-9]+", node.value):
                return int(node.value)
            return self._constructor.construct_object(node)
        except (ValueError, KeyError, yaml.constructor.ConstructorError):
            return self._unread(path, node, f"is not a valid {node.tag.removeprefix(_PREFIX)}")

    def _unread(self, path: KeyPath, node: Node, message: str) -> None:
        self._document.unread.add(path)
        self._wrong(path, node, message)

    def _wrong(self, path: KeyPath, node: Node, message: str) -> None:
        mark = _mark(node)
        self._document.problems.append(Problem(render(path), message, line=mark.line, column=mark.column))


class _Date:
    """A value that YAML reads as a date. No setting is a date, so it only has to differ from every valid value."""

    def __init__(self, text: str) -> None:
        self.text = text


def _half(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def _mark(node: Node) -> Mark:
    return Mark(node.start_mark.line + 1, node.start_mark.column + 1)


def _syntax(error: yaml.MarkedYAMLError) -> Problem:
    problem = error.problem or error.context or "cannot be read"
    mark = error.problem_mark or error.context_mark
    if problem == "found unexpected end of stream":
        # The error is at the end of the file. The position of the opening quote is more helpful.
        mark = error.context_mark or mark
    words = next((plain for pattern, plain in _PLAIN_WORDS if re.fullmatch(pattern, problem)), problem)
    return Problem(
        "",
        f"not valid YAML: {words}",
        line=mark.line + 1 if mark else None,
        column=mark.column + 1 if mark else None,
    )


def _unprintable(text: str, error: yaml.reader.ReaderError) -> Problem:
    before = text[: error.position]
    return Problem(
        "",
        f"not valid YAML: the character U+{ord(text[error.position]):04X} is not allowed",
        line=before.count("\n") + 1,
        column=len(before) - (before.rfind("\n") + 1) + 1,
    )
