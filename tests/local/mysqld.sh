#!/bin/sh
# Put a real MySQL server into a folder, on Debian or Ubuntu, and print the path of its mysqld.
# Usage: tests/local/mysqld.sh FOLDER
#
# Debian stable has no MySQL, its unstable suite has; the package and its own C library are unpacked, not installed,
# so that nothing of the machine changes. RDS offers MySQL 8.4; this one is newer, and the nearest there is.
set -eu
folder=$(mkdir -p "$1" && cd "$1" && pwd)
[ -x "$folder/bin/mysqld" ] && { echo "$folder/bin/mysqld"; exit 0; }

# shellcheck disable=SC2016  # apt-get's own variable
site=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' | sort -u | grep -v security | grep '/debian$' | head -n 1)
[ -n "$site" ] || { echo "error: this machine has no Debian package source" >&2; exit 1; }
keyring=/usr/share/keyrings/debian-archive-keyring.gpg

mkdir -p "$folder/apt/lists/partial" "$folder/apt/cache/archives/partial" "$folder/debs" "$folder/root" "$folder/bin"
echo "deb [signed-by=$keyring] $site unstable main" > "$folder/apt/sources.list"
: > "$folder/apt/status"
apt() {
    apt-get -qq -o Dir::Etc::sourcelist="$folder/apt/sources.list" -o Dir::Etc::sourceparts=- \
        -o Dir::State::lists="$folder/apt/lists" -o Dir::Cache="$folder/apt/cache" \
        -o Dir::State::status="$folder/apt/status" -o APT::Sandbox::User=root \
        -o APT::Install-Recommends=false "$@"
}
apt update >&2
# With an empty status file apt names every package that the server needs, down to the C library.
apt install --download-only --yes mysql-server-core >&2
for package in "$folder"/apt/cache/archives/*.deb; do dpkg-deb -x "$package" "$folder/root"; done

server=$(find "$folder/root" -type f -name mysqld -path '*sbin*' | head -n 1)
loader=$(find "$folder/root" -name 'ld-linux-*.so.*' | head -n 1)
libraries=$(find "$folder/root" -name '*.so*' -path '*lib*' ! -path '*/plugin/*' ! -path '*/gconv/*' -exec dirname {} \; | sort -u | tr '\n' ':')
messages=$(dirname "$(dirname "$(find "$folder/root" -name errmsg.sys -path '*english*' | head -n 1)")")
# What the caller gives comes first: --no-defaults counts only there.
cat > "$folder/bin/mysqld" <<WRAPPER
#!/bin/sh
exec "$loader" --library-path "$libraries" "$server" "\$@" --lc-messages-dir="$messages"
WRAPPER
chmod +x "$folder/bin/mysqld"
rm -rf "$folder/apt" "$folder/debs"
"$folder/bin/mysqld" --version >&2
echo "$folder/bin/mysqld"
