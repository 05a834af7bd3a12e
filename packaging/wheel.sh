#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds the Python wheel, with the libraries that it needs inside: packaging/wheel.sh DIRECTORY. One wheel is for
# every CPython from 3.11 on, on any distribution whose C library is as new as this one's.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
# shellcheck source=packaging/source_tree.sh
. packaging/source_tree.sh
target=$(mkdir -p "$1" && cd "$1" && pwd)
venv=$PWD/build/package-venv

if ! cmp -s packaging/requirements.txt "$venv/requirements.txt"; then
  rm -rf "$venv"
  /usr/bin/python3 -m venv "$venv"
  "$venv/bin/pip" install --quiet --requirement packaging/requirements.txt
  cp packaging/requirements.txt "$venv/requirements.txt"
fi
rm -rf "$target"/*.whl "$target/raw"
copy_sources "$target/source"
{
  CXX=c++ "$venv/bin/pip" wheel --no-deps --no-build-isolation --wheel-dir "$target/raw" "$target/source"
  PATH=$venv/bin:$PATH "$venv/bin/auditwheel" repair --wheel-dir "$target" "$target"/raw/gserve-*.whl
} >"$target/build.log" 2>&1 || { tail -40 "$target/build.log" >&2; exit 1; }
rm -rf "$target/raw" "$target/source"
ls "$target"/*.whl
