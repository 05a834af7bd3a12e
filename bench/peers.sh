# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What the benchmarks measure against, set up on the first run. To be sourced in the project's directory.

as_root() {
  if [ "$(id -u)" -eq 0 ]; then "$@"; else sudo "$@"; fi
}

# install_packages NAMES...: Debian's, where they are not installed.
install_packages() {
  dpkg-query -W "$@" >/dev/null 2>&1 && return
  as_root apt-get -qq -o DPkg::Lock::Timeout=300 update
  as_root env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y -o DPkg::Lock::Timeout=300 install --no-install-recommends "$@" >/dev/null
}

# unpack_package NAME FILE: into build/bench-peers. For a package that would start a service when it is installed.
unpack_package() {
  local folder=build/bench-peers
  [ ! -x "$folder/$2" ] || return 0
  mkdir -p "$folder"
  (cd "$folder" && apt-get -qq download "$1" 2>/dev/null && dpkg-deb -x "$1"_*.deb . && rm "$1"_*.deb)
}

# PyPI's, into build/bench-venv.
make_venv() {
  local venv=build/bench-venv
  ! cmp -s bench/requirements.txt "$venv/requirements.txt" || return 0
  rm -rf "$venv"
  /usr/bin/python3 -m venv --system-site-packages "$venv"
  "$venv/bin/pip" install --quiet --requirement bench/requirements.txt
  cp bench/requirements.txt "$venv/requirements.txt"
}
