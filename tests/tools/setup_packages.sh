#!/bin/bash
# SPDX-License-Identifier: MIT
# Installs the Debian packages named as arguments, unless all are there already.
set -u
refuse() { echo "setup: $*" >&2; exit 1; }

command -v dpkg-query >/dev/null ||
  refuse "this is not a Debian system; install by hand what these packages hold: $*"
missing=()
for package in "$@"; do
  state=$(dpkg-query -W -f '${db:Status-Status}\n' "$package" 2>/dev/null)
  grep -qx installed <<<"$state" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

by_hand="apt-get install ${missing[*]}"
# shellcheck source=/dev/null
release=$(. /etc/os-release 2>/dev/null; echo "${ID:-unknown} ${VERSION_ID:-}")
[ "$release" = "debian 12" ] ||
  refuse "packages are installed for Debian 12 only, this is '$release'; see to it that these are there: ${missing[*]}"
[ "$(id -u)" = 0 ] || refuse "not root; run as root: $by_hand"

export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "setup: installing ${missing[*]}"
install=(apt-get install -y -q --no-install-recommends "${missing[@]}")
# A machine that has never fetched its package lists cannot install yet: fetch them and try again.
if ! "${install[@]}" >"$log" 2>&1 </dev/null; then
  { apt-get update -q && "${install[@]}"; } >"$log" 2>&1 </dev/null || {
    tail -n 5 "$log" >&2
    refuse "could not install packages (no network, or no package source?); by hand: $by_hand"
  }
fi
