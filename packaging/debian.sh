#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the Debian package and asks lintian: packaging/debian.sh DIRECTORY, where they come to lie.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
# shellcheck source=packaging/source_tree.sh
. packaging/source_tree.sh
target=$(mkdir -p "$1" && cd "$1" && pwd)
version=$(project_version)
tree=$target/gserve-$version

rm -f "$target"/gserve*
copy_sources "$tree"
mv "$tree/packaging/debian" "$tree/debian"
cat >"$tree/debian/changelog" <<EOT
gserve ($version) unstable; urgency=medium

  * See CHANGELOG.md.

 -- The gserve authors <gserve@example.org>  $(date -R -r CHANGELOG.md)
EOT
cd "$tree"
dpkg-buildpackage -b -us -uc >"$target/build.log" 2>&1 || { tail -40 "$target/build.log" >&2; exit 1; }
rm -rf "$tree"
cd "$target"
lintian --allow-root --fail-on error,warning ./*.changes
ls "$target"/*.deb
