#!/bin/sh
# Re-pin every requirement file, with hashes and without index addresses. Usage: requirements/compile.sh [--upgrade]
set -eu
cd "$(dirname "$0")/.."
uv=${UV:-.venv/bin/uv}
pin() { "$uv" pip compile --no-config --quiet --universal --python-version 3.11 --generate-hashes \
    --no-emit-index-url --no-emit-find-links --no-annotate --no-header "$@"; }
pin pyproject.toml --extra local --extra examples -o requirements/local.txt "$@" >/dev/null
pin requirements/dev.in -c requirements/local.txt -o requirements/dev.txt "$@" >/dev/null
pin requirements/build.in -c requirements/local.txt -o requirements/build.txt "$@" >/dev/null
# Apart from the others: see checks.in.
pin requirements/checks.in -o requirements/checks.txt "$@" >/dev/null
# What the images hold, in the versions that are tested on one machine.
for image in airflow flower; do
    pin "images/requirements/$image.in" -c requirements/local.txt -o "images/requirements/$image.txt" "$@" >/dev/null
done
