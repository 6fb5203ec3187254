#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds IGT's own tests, which Debian has in no package, from the source package of its intel-gpu-tools: those
# that tests/xen/guest/igt_tests names, into build/xen/igt/extra, for the guests' root (XEN_ROOT_EXTRA). Some
# minutes, once. The stage igttests runs them.
set -eu
# shellcheck source=tests/xen/lib.sh
. "$(dirname "$0")/lib.sh"
out=$bed/igt
list=$sources/guest/igt_tests
for program in meson ninja bison flex dpkg-source pkg-config; do
  command -v "$program" >/dev/null || refuse "$program is missing; make check-igt installs it"
done

# own_lists FOLDER: where this system has its packages from, as places to have sources from.
own_lists() {
  local file
  mkdir -p "$1"
  for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ ! -f "$file" ] || sed -n 's/^deb /deb-src /p' "$file"
  done | sort -u >"$1/own.list"
  for file in /etc/apt/sources.list.d/*.sources; do
    [ ! -f "$file" ] || sed 's/^Types:.*/Types: deb-src/' "$file" >"$1/${file##*/}"
  done
}
# fetch: the source package, by lists of our own: an ordinary system has none of sources.
fetch() {
  local options=(-o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$out/apt/parts"
    -o "Dir::State::lists=$out/apt/lists" -o "Dir::Cache=$out/apt" -o APT::Sandbox::User=root)
  mkdir -p "$out"/apt/lists/partial
  own_lists "$out/apt/parts"
  apt-get "${options[@]}" -qq update && (cd "$out" && apt-get "${options[@]}" -qq source intel-gpu-tools)
}
[ -d "$out/source" ] || {
  say "fetching the source of intel-gpu-tools"
  mkdir -p "$out"
  fetch >"$out/fetch.log" 2>&1 || { tail -n 5 "$out/fetch.log"; refuse "could not fetch it (see $out/fetch.log)"; }
  mv "$out"/intel-gpu-tools-*/ "$out/source"
}
[ -f "$out/build/build.ninja" ] ||
  meson setup "$out/build" "$out/source" -Dtests=enabled -Dman=disabled -Ddocs=disabled -Drunner=disabled \
    -Dchamelium=disabled -Doverlay=disabled >"$out/meson.log" 2>&1 ||
  { tail -n 15 "$out/meson.log"; refuse "meson refuses (see $out/meson.log)"; }
mapfile -t tests < <(awk '/^[^-#]/ && NF {print "tests/" $3}' "$list" | sort -u)
ninja -C "$out/build" -j "${JOBS:-2}" "${tests[@]}" >"$out/ninja.log" 2>&1 ||
  { tail -n 15 "$out/ninja.log"; refuse "a test does not build (see $out/ninja.log)"; }
mkdir -p "$out"/extra/{tests,lib}
for path in "${tests[@]}" lib/libigt.so.0; do
  [ ! "$out/build/$path" -nt "$out/extra/$path" ] || strip -o "$out/extra/$path" "$out/build/$path"
done
say "IGT's tests are ready: ${#tests[@]} programs"
