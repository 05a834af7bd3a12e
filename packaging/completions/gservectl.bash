# SPDX-License-Identifier: MIT
# bash completion for gservectl: goes to /usr/share/bash-completion/completions/gservectl
_gservectl() {
  local word rest
  COMPREPLY=()
  while IFS=$'\t' read -r word rest; do
    if [ "$word" = :files ]; then
      compopt -o default 2>/dev/null
      COMPREPLY=()
      return
    fi
    COMPREPLY+=("$word")
  done < <("${COMP_WORDS[0]}" __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -F _gservectl gservectl
