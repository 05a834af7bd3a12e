#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Lifecycle figures of gserve beside gunicorn's, in one run: bench/lifecycle.sh [--repeat N] [MEASURE...]
set -eu
cd "$(dirname "$(readlink -f "$0")")/.."
venv=build/bench-venv
if ! cmp -s bench/requirements.txt "$venv/requirements.txt"; then
  rm -rf "$venv"
  /usr/bin/python3 -m venv --system-site-packages "$venv"
  "$venv/bin/pip" install --quiet --requirement bench/requirements.txt
  cp bench/requirements.txt "$venv/requirements.txt"
fi
PYTHONPATH=tests/integration exec "$venv/bin/python" bench/lifecycle "$@"
