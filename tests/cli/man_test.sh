#!/bin/bash
# SPDX-License-Identifier: MIT
# Manual pages and the completion against the programs themselves: each command has a page that names all its
# options and no others.
# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"
run help
mapfile -t commands < <(awk '/^  [a-z]/ && $1 != "help" && $1 != "version" {print $1}' "$work/out")
check "help lists the commands" test "${#commands[@]}" -ge 15

# Long options in a --help; the page of all commands has --help.
helped() { grep -oE '^ +(-[a-z] \[ )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | grep -vx -- --help | sort -u; }
manned() { grep -oE 'Fl -[a-z-]+|, -[a-z-]+ Ar' "$1" | grep -oE -- '-[a-z-]+' | sed 's/^/-/' | grep -vx -- --help | sort -u; }
for c in "${commands[@]}"; do
  run "$c" --help
  same "$c: the manual has its options" "options: $(helped <"$work/out")" \
    "options: $(manned "docs/man/xengvt-$c.1")"
done
daemon=build/release/xengvtd
[ -x "$daemon" ] || daemon=build/xengvtd
same "xengvtd: the manual has its options" "$("$daemon" --help | helped)" "$(manned docs/man/xengvtd.8)"

same "the completion knows the commands" "$(printf '%s\n' "${commands[@]}" help version | sort)" \
  "$(sed -n "s/.*local commands='\(.*\)'/\1/p" dom0/cli/xengvt.bash | tr ' ' '\n' | sort)"
# shellcheck source=dom0/cli/xengvt.bash
. dom0/cli/xengvt.bash
complete_words() { COMP_WORDS=("$xengvt" "$@"); COMP_CWORD=$#; _xengvt; printf '%s\n' "${COMPREPLY[@]}"; }
same "it completes a command" "replay" "$(complete_words repl)"
same "it completes an option" "--retell" "$(complete_words replay --re)"
check "it completes a key of set" grep -qx direct-reads=no <(complete_words set guest direct)

# Every key of the configuration file is in its manual page and in the file that comes with it.
missing=
for key in $(grep -oE '\{"[a-z-]+", [a-z_]+\(' dom0/daemon/config.cc | grep -oE '"[a-z-]+"' | tr -d '"'); do
  grep -q -- "$key" docs/man/xengvtd.conf.5 || missing+=" $key"
  grep -qE "(^|[ #])$key = " dom0/systemd/xengvtd.conf || missing+=" $key"
done
same "the manual and the file that comes with it have the configuration's keys" "missing:" "missing:$missing"
