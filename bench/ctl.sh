#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# How long gservectl takes: status is to be under 10 ms, completion under 50 ms, as the median of many runs.
set -euo pipefail
cd "$(dirname "$0")/.."
exec build/venv/bin/python bench/ctl.py
