# SPDX-License-Identifier: GPL-2.0-or-later
#
# What bash would offer when TAB is typed at the end of each line:
#
#   bash complete.bash COMPLETIONS LINE...

# shellcheck source=/dev/null
. "$1"
shift
for line; do
    # As readline breaks a line: at blanks, and at each "=", which is a word of its own.
    spaced=${line//=/ = }
    read -r -a COMP_WORDS <<< "$spaced"
    [[ $line == *' ' ]] && COMP_WORDS+=('')
    COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) COMP_LINE=$line COMP_POINT=${#line}
    _iaso iaso "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
    printf '%s -> %s\n' "$line" "${COMPREPLY[*]}"
done
