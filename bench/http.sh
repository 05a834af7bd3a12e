#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# HTTP figures of gserve beside its peers', in one run: bench/http.sh [--rounds N] [--requests N] [ROW...]
# Peers: nginx, uWSGI and wrk from Debian, the others from PyPI. Exit 1 if a bound does not hold.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/.."
# shellcheck source=bench/peers.sh
. bench/peers.sh
install_packages wrk uwsgi-core uwsgi-plugin-python3 util-linux
unpack_package nginx usr/sbin/nginx
make_venv
cmake --build build --target bench_http_storm >/dev/null
exec build/bench-venv/bin/python bench/http "$@"
