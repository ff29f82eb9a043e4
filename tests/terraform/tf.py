"""Runs any Terraform command on a folder with the stand-in: python tests/terraform/tf.py FOLDER COMMAND [ARGUMENT...]

The copy that Terraform works in is kept for each folder, so `plan -out=x.tfplan`, `apply x.tfplan` and `show` follow
each other as usual. `tf.py FOLDER clean` removes it.

`tf.py FOLDER exec PROGRAM [ARGUMENT...]` runs a program that runs Terraform itself, in the current folder.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from harness import Terraform, TerraformError, serving, used_types
from standin import wheel


def main(arguments: list[str]) -> int:
    """Copies, prepares, runs; returns Terraform's exit code."""
    if len(arguments) < 2 or not Path(arguments[0]).is_dir():
        print(__doc__, file=sys.stderr)
        return 2
    folder, command = Path(arguments[0]).resolve(), arguments[1:]
    work = wheel.cache_folder() / "work" / hashlib.sha256(str(folder).encode()).hexdigest()[:16]
    if command == ["clean"]:
        shutil.rmtree(work, ignore_errors=True)
        return 0
    if command[0] == "exec":
        environment = {**os.environ, **serving(used_types(folder))}
        return subprocess.run(command[1:], env=environment, check=False).returncode
    terraform = Terraform(folder, work)
    if command[0] not in ("init", "fmt", "version"):
        try:
            terraform.init()
        except TerraformError as problem:
            print(problem, file=sys.stderr)
            return 1
    return subprocess.run(
        ["terraform", *command], cwd=terraform.folder, env=terraform.variables(), check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
