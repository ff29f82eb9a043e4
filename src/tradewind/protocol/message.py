"""Messages between programs that may have different versions: plain fields, sent as JSON, and checked on arrival."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tradewind.errors import TradewindError


def written(message: object) -> dict[str, Any]:
    """A message, which is a dataclass, as JSON data."""
    assert is_dataclass(message)
    assert not isinstance(message, type)
    return asdict(message)


def read(kind: Any, document: Mapping[str, Any], what: str, hint: str) -> Any:
    """Read a document as a message of ``kind``, a dataclass. Fields that only a newer version has are left out.

    An older version does not send new fields, so a field that is added later has a default.

    Raises:
        TradewindError: a field of ``what`` is missing or invalid. ``hint`` is the hint of the error.
    """
    try:
        return _reader(kind).validate_python(dict(document))
    except ValidationError as error:
        first = error.errors()[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise TradewindError(f"{what} is not understood: the two programs have different versions", why, hint) from None


@cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
