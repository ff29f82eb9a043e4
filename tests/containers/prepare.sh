#!/bin/sh
# Make a machine ready for the tests of images: a base image, and settings for a machine without systemd.
# Usage: tests/containers/prepare.sh FOLDER; then: export CONTAINERS_CONF=FOLDER/containers.conf
#
# It takes, from Debian: buildah podman skopeo runc mmdebstrap docker-registry; and tests/local/mysqld.sh.
#
# The base is Debian with Python, made from Debian's packages; it stands in for the official python image where no
# registry can be reached. It has what the official one has at its places, but Python is below /usr.
set -eu
folder=$(mkdir -p "$1" && cd "$1" && pwd)
image=localhost/tradewind-test/python:3.11

cat > "$folder/containers.conf" <<'CONF'
[containers]
default_ulimits = ["nofile=16384:16384", "nproc=16384:16384"]
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
CONF
export CONTAINERS_CONF="$folder/containers.conf"
podman image exists "$image" && exit 0

# shellcheck disable=SC2016  # mmdebstrap's own variable
SOURCE_DATE_EPOCH=1 mmdebstrap --quiet --variant=minbase \
    --include=ca-certificates,python3.11,python3.11-venv,netbase,tzdata \
    --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*' \
    --customize-hook='ln -sf python3.11 "$1/usr/bin/python3"; ln -sf python3.11 "$1/usr/bin/python"' \
    bookworm "$folder/base.tar" >&2
podman import --quiet "$folder/base.tar" "$image" >&2
rm "$folder/base.tar"
