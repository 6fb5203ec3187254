#!/bin/bash
# SPDX-License-Identifier: MIT
# What a reader should not have to check by eye. One "ok" or "not ok" line each.
set -u
cd "$(dirname "$0")/../.." || exit 2
mapfile -t sources < <(git ls-files -co --exclude-standard '*.cc' '*.h' | while read -r f; do [ -f "$f" ] && echo "$f"; done)
mapfile -t scripts < <(git ls-files -co --exclude-standard '*.sh' .ci/run dom0/cli/xengvt.bash | while read -r f; do [ -f "$f" ] && echo "$f"; done)
mapfile -t pages < <(git ls-files -co --exclude-standard 'docs/man/*')

# report NAME OFFENDERS: passes when there are none.
report() { if [ -z "$2" ]; then echo "ok $1"; else printf '%s\nnot ok %s\n' "$2" "$1"; fi; }
need() { command -v "$1" >/dev/null || { echo "skip $2 ($1 is not installed)"; return 1; }; }

check_format() {
  need clang-format-14 format || return
  report format "$(clang-format-14 --dry-run "${sources[@]}" 2>&1 | grep -oE '^[^:]+:[0-9]+' | sort -u -t: -k1,1)"
}
check_licence() {
  report licence "$(for f in "${sources[@]}" "${scripts[@]}"; do
    head -n 2 "$f" | grep -q 'SPDX-License-Identifier: MIT' || echo "$f: no SPDX line"; done)"
}
check_words() {
  report words "$(grep -nE '\b(TODO|FIXME|XXX)\b' "${sources[@]}" "${scripts[@]}" README.md docs/*.md 2>/dev/null | grep -v '^tests/tools/lint.sh')"
}
# Includes are written from the root, so that the views of the Makefile decide what they reach.
check_includes() {
  report includes "$(grep -nE '^ *# *include *"' "${sources[@]}" | grep -vE 'include *"(hv|shadow|mediator|dom0|tests)/' ;
    grep -nE '^ *# *include.*\.\.' "${sources[@]}")"
}
# compiles LAYER HEADER: can a file of that layer include the header?
compiles() {
  mkdir -p build/check
  echo "#include \"$2\"" >build/check/probe.cc
  ${CXX:-g++} -std=gnu++20 -fsyntax-only -Ibuild/view/"$1" build/check/probe.cc 2>&1
}
check_layers() {
  need "${CXX:-g++}" layers || return
  make -s --no-print-directory build/view/.stamp
  local layer header out
  while read -r layer header; do
    out=$(compiles "$layer" "$header")
    if grep -qF "error: $header: No such file" <<<"$out"; then echo "ok layer $layer cannot include $header"
    else echo "not ok layer $layer can include $header"; fi
  done <<'END'
hv shadow/retire.h
xen shadow/retire.h
shadow mediator/mediator.h
mediator dom0/gpu/device.h
model mediator/host_gpu.h
model shadow/ppgtt.h
model dom0/gpu/driver/driver.h
dom0 tests/fake/guest.h
END
  while read -r layer header; do
    report "layer $layer can include $header" "$(compiles "$layer" "$header")"
  done <<'END'
shadow hv/domain.h
mediator shadow/retire.h
model shadow/gen9/commands.h
dom0 mediator/mediator.h
END
}
check_scripts() {
  need shellcheck scripts || return
  report scripts "$(shellcheck -x "${scripts[@]}" 2>&1)"
}
check_pages() {
  [ ${#pages[@]} -gt 0 ] || return
  need man "man pages" || return
  local page
  for page in "${pages[@]}"; do
    report "man page ${page##*/}" "$(MANROFFSEQ='' LC_ALL=C.UTF-8 MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)"
  done
}
check_format
check_licence
check_words
check_includes
check_layers
check_scripts
check_pages
