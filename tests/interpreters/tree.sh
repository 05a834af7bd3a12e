#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Unpacks CPython 3.13 from Debian 13 with the libraries that it and gserve's extension need, so that it runs beside
# Debian 12's: tree.sh DIRECTORY. The interpreter is DIRECTORY/usr/bin/python3.13; nothing is installed.
set -euo pipefail
tree=$1
packages=(python3.13-minimal libpython3.13-minimal libpython3.13-stdlib libc6 libssl3t64 libstdc++6 libgcc-s1 zlib1g
  libexpat1 libffi8 libbz2-1.0 liblzma5 libsqlite3-0 libuuid1 libzstd1)
[ "$(cat "$tree/packages" 2>/dev/null)" != "${packages[*]}" ] || exit 0
rm -rf "$tree"
mkdir -p "$tree"/apt/{lists,cache,debs}
cd "$tree/apt"
key=/usr/share/keyrings/debian-archive-keyring.gpg
echo "deb [signed-by=$key] http://deb.debian.org/debian trixie main" >sources.list
: >status
options=(-o Dir::Etc::sourcelist="$PWD/sources.list" -o Dir::Etc::sourceparts=- -o Dir::State::lists="$PWD/lists"
  -o Dir::Cache="$PWD/cache" -o Dir::State::status="$PWD/status" -o APT::Sandbox::User=)
apt-get -qq "${options[@]}" update
(cd debs && apt-get -qq "${options[@]}" download "${packages[@]}")
for package in debs/*.deb; do dpkg-deb -x "$package" "$tree"; done
libraries=$(dirname "$(find "$tree/usr/lib" -name ld-linux-\*.so.\* | head -1)")
patchelf --set-interpreter "$(find "$libraries" -name ld-linux-\*.so.\*)" --force-rpath --set-rpath "$libraries" \
  "$tree/usr/bin/python3.13"
rm -r "$tree/apt"
echo "${packages[*]}" >"$tree/packages"
