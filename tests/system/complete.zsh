# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a zsh makes of each line when TAB is typed at its end, on a terminal of its own:
#
#   zsh -f complete.zsh COMPLETIONS LINE...

zmodload zsh/zpty
completions=$1
shift
export TERM=dumb COLUMNS=500
zpty shell zsh -f -i
zpty -w shell "PS1=; unsetopt zle_bracketed_paste; autoload -U compinit; compinit -u -D; source $completions"
zpty -w shell 'bindkey "^I" complete-word; unsetopt auto_list beep'
zpty -w shell 'tell() { print -r -- "told:$BUFFER:"; BUFFER=; zle accept-line }; zle -N tell; bindkey "^X" tell'
zpty -w shell 'print rea""dy'
zpty -r -m shell output '*ready*' || exit 1
for line; do
    zpty -w -n shell "$line"$'\t\x18'
    zpty -r -m shell output '*told:*:*' || exit 1
    told=${output##*told:}
    print -r -- "$line -> ${told%%:*}"
done
zpty -d shell
