#compdef gservectl
# SPDX-License-Identifier: MIT
# zsh completion for gservectl: goes to a directory of $fpath, as _gservectl
_gservectl() {
  local line word
  local -a candidates
  for line in "${(@f)$("${words[1]}" __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    if [[ $line == :files ]]; then
      _files
      return
    fi
    word=${line%%$'\t'*}
    [[ -n $word ]] || continue
    if [[ $line == *$'\t'* ]]; then
      candidates+=("${word//:/\\:}:${line#*$'\t'}")
    else
      candidates+=("${word//:/\\:}")
    fi
  done
  _describe -t gservectl gservectl candidates
}
if [[ ${funcstack[1]} == _gservectl ]]; then
  _gservectl "$@"
else
  compdef _gservectl gservectl
fi
