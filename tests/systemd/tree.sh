#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the tree that the machine of these tests boots: tree.sh DIRECTORY. Needs root and debootstrap.
set -euo pipefail
tree=$1
packages=systemd,systemd-sysv,dbus,procps,curl,openssl,python3,python3-venv,python3-flask,libspdlog1.10,libsystemd0,libboost-filesystem1.81.0
[ -e "$tree/etc/gserve-tree" ] && [ "$(cat "$tree/etc/gserve-tree")" = "$packages" ] && exit 0
rm -rf "$tree"
debootstrap --variant=minbase --include="$packages" bookworm "$tree" >"$tree.log" 2>&1 || { tail -5 "$tree.log" >&2; exit 1; }
echo "$packages" >"$tree/etc/gserve-tree"
