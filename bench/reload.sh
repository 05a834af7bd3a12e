#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How long --reload takes from a save to the new code's first answer: bench/reload.sh [--repeat N]
# Exit 1 if the bound does not hold.
set -eu
cd "$(dirname "$(readlink -f "$0")")/.."
# shellcheck source=bench/peers.sh
. bench/peers.sh
make_venv
PYTHONPATH=tests/integration:bench/lifecycle exec build/bench-venv/bin/python bench/reload "$@"
