"""Messages between programs of perhaps different versions: plain fields, sent as JSON, and checked on arrival."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields, is_dataclass
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError

from tradewind.errors import TradewindError


def written(message: object) -> dict[str, Any]:
    """A message, which is a dataclass, as JSON."""
    assert is_dataclass(message)
    assert not isinstance(message, type)
    return asdict(message)


def read(kind: Any, document: Mapping[str, Any], what: str, hint: str) -> Any:
    """The message of ``kind`` that a document is. What a newer version says more is left out.

    Raises:
        TradewindError: something is missing in ``what``, or is not what it should be; ``hint`` says what helps.
    """
    known = {field.name for field in fields(kind)}
    try:
        return _reader(kind).validate_python({name: value for name, value in document.items() if name in known})
    except ValidationError as error:
        first = error.errors()[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise TradewindError(f"{what} is not understood: the two are of different versions", why, hint) from None


@cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
