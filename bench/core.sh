#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Events per second through the supervisor's core.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
cmake --build build --target bench_core >/dev/null
build/bin/bench_core
