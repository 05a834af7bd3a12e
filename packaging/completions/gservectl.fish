# SPDX-License-Identifier: MIT
# fish completion for gservectl: goes to /usr/share/fish/vendor_completions.d
function __gservectl_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l found ($words[1] __complete $words[2..-1] 2>/dev/null)
    if test "$found[1]" = :files
        __fish_complete_path (commandline -ct)
    else
        string join -- \n $found
    end
end
complete -c gservectl -f -a '(__gservectl_complete)'
