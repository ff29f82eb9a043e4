"""The stand-in, which records every secret that passes through it: python -m recording SCHEMA RECORD

Each ephemeral value that is drawn or read, and each value of a write-only argument, is a line of JSON:
the type, the name of the argument, and the value.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from standin import server
from standin.provider import Provider
from standin.values import decode

RECORD = Path(sys.argv.pop()) if len(sys.argv) > 1 else Path("secrets.jsonl")
EPHEMERAL = ("random_password", "secret_string")


class Recording(Provider):
    """A provider that records values that Terraform must not store."""

    def open_ephemeral_resource(self, request: Any) -> Any:
        """Opens the ephemeral resource, and records its values."""
        response = super().open_ephemeral_resource(request)
        if not response.diagnostics:
            _record(request.type_name, {name: decode(response.result).get(name) for name in EPHEMERAL})
        return response

    def apply_resource_change(self, request: Any) -> Any:
        """Applies the change, and records its write-only arguments."""
        config = decode(request.config) or {}
        _record(request.type_name, {name: value for name, value in config.items() if name.endswith("_wo")})
        return super().apply_resource_change(request)


def _record(kind: str, values: dict[str, Any]) -> None:
    with RECORD.open("a") as record:
        for name, value in values.items():
            if isinstance(value, str):
                record.write(json.dumps([kind, name, value]) + "\n")


if __name__ == "__main__":
    server.Provider = Recording  # type: ignore[attr-defined]
    server.main()
