# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of xengvt for bash. Options come from the program's own --help.
_xengvt() {
  local word=${COMP_WORDS[COMP_CWORD]} command=${COMP_WORDS[1]}
  local commands='demo scan run record replay trace timeline list info attach detach set top screenshot log host check help version'
  if [ "$COMP_CWORD" = 1 ]; then
    mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$word")
  elif [ "$COMP_CWORD" = 2 ] && [ "$command" = trace ]; then
    mapfile -t COMPREPLY < <(compgen -W 'info show extract assemble start stop' -- "$word")
  elif [ "$COMP_CWORD" = 2 ] && [ "$command" = record ]; then
    mapfile -t COMPREPLY < <(compgen -W 'demo run' -- "$word")
  elif [ "$COMP_CWORD" = 2 ] && [[ " info attach detach set screenshot " == *" $command "* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" list 2>/dev/null |
      awk 'NR > 1 { print $1 }')" -- "$word")
  elif [ "$command" = attach ] && [ "${COMP_WORDS[COMP_CWORD - 1]}" = --type ]; then
    mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" list --types 2>/dev/null |
      awk 'NR > 1 { print $1 }')" -- "$word")
  elif [ "$COMP_CWORD" = 3 ] && [ "$command" = set ]; then
    mapfile -t COMPREPLY < <(compgen -W 'paused=yes paused=no direct-reads=yes direct-reads=no' -- "$word")
  elif [[ $word == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$("${COMP_WORDS[0]}" "$command" --help 2>/dev/null |
      grep -oE -- '--[a-z-]+' | sort -u)" -- "$word")
  else
    mapfile -t COMPREPLY < <(compgen -f -- "$word")
  fi
}
complete -o filenames -F _xengvt xengvt
