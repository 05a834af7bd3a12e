#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Lifecycle figures of gserve beside gunicorn's, in one run: bench/lifecycle.sh [--repeat N] [MEASURE...]
set -eu
cd "$(dirname "$(readlink -f "$0")")/.."
# shellcheck source=bench/peers.sh
. bench/peers.sh
make_venv
PYTHONPATH=tests/integration exec build/bench-venv/bin/python bench/lifecycle "$@"
