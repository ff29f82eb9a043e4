"""Messages between programs of perhaps different versions: plain fields, sent as JSON, and checked on arrival."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
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
    """The message of ``kind``, a dataclass, that a document is. What a newer version says more is left out.

    An older version does not say what is new: so a field that is added later has a default.

    Raises:
        TradewindError: something is missing in ``what``, or is not what it should be; ``hint`` says what helps.
    """
    try:
        return _reader(kind).validate_python(dict(document))
    except ValidationError as error:
        first = error.errors()[0]
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
        raise TradewindError(f"{what} is not understood: the two are of different versions", why, hint) from None


@cache
def _reader(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)
