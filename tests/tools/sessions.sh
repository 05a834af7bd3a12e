#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Writes docs/sessions/*.txt: what a terminal shows of gservectl. Needs tmux, curl and a build.
set -euo pipefail
cd "$(dirname "$(readlink -f "$0")")/../.."
here=docs/sessions
work=$(mktemp -d)
server=
socket=gserve-sessions-$$
tm() { tmux -f /dev/null -L "$socket" "$@"; }
finish() {
  tm kill-server 2>/dev/null || true
  if [ -n "$server" ]; then
    kill "$server" || true
    wait "$server" || true
  fi
  rm -rf "$work"
}
trap finish EXIT

export XDG_RUNTIME_DIR=$work RUNTIME_DIRECTORY=$work/gserve/shop
mkdir -p "$RUNTIME_DIRECTORY"
build/bin/gserve --python /usr/bin/python3 -n shop -w 3 -b 127.0.0.1:0 --error-logfile "$work/log" \
  --chdir examples/flask app:app &
server=$!
build/bin/gservectl -n shop wait --timeout 60 >/dev/null
address=$(build/bin/gservectl -n shop --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)["listeners"][0])')

tm new-session -d -x 110 -y 30 "env PS1='\$ ' PATH=$PWD/build/bin:\$PATH bash --norc -i"
tm set-option -g history-limit 2000

# shown PATTERN: waits until the screen has it
shown() {
  for _ in $(seq 100); do
    if tm capture-pane -p | grep -qE "$1"; then return; fi
    sleep 0.1
  done
  echo "sessions.sh: never shown: $1" >&2
  tm capture-pane -p >&2
  exit 1
}
# Without the prompt that waits for more, and the empty rest of the screen.
keep() { printf '%s\n' "$(tm capture-pane -p | sed -e 's/[[:space:]]*$//' -e 's/^\$$//')" >"$here/$1.txt"; }
clear_screen() {
  tm send-keys "clear" Enter
  sleep 0.3
}

for _ in $(seq 40); do curl -s "$address/" >/dev/null; done
clear_screen
tm send-keys "gservectl -n shop status" Enter
shown "OLDEST REQUEST"
keep status

clear_screen
tm send-keys "gservectl -n shop reload" Enter
shown "gone(.|\n)*\[#+-+\]|^\[#+-+\] [1-9]/3"
keep reload-under-way
shown "reload of shop done"
keep reload

clear_screen
worker=$(build/bin/gservectl -n shop --json status | python3 -c 'import json, sys; print(json.load(sys.stdin)["workers"][0]["pid"])')
tm send-keys "gservectl -n shop worker restart $worker" Enter
shown "restart of shop done"
keep worker-restart

clear_screen
tm send-keys "gservectl -n shop top" Enter
shown "q quit"
(for _ in $(seq 150); do curl -s "$address/" >/dev/null; done) &
load=$!
sleep 2.5
tm send-keys "w"
shown "Restart worker"
keep top
tm send-keys "n" "q"
wait "$load"
