#!/bin/bash
# SPDX-License-Identifier: MIT
# clang-tidy over every source file, one "ok" or "not ok" line each.
set -u
cd "$(dirname "$0")/../.." || exit 2
command -v clang-tidy-14 >/dev/null || { echo "skip tidy (clang-tidy-14 is not installed)"; exit 0; }
make -s --no-print-directory build/view/.stamp
# The view a file is compiled with, as the Makefile has it.
view_of() {
  case $1 in
    dom0/gpu/model/*) echo model ;;
    *) echo "${1%%/*}" ;;
  esac
}
tidy() {
  local out
  out=$(clang-tidy-14 --quiet "$1" -- -std=gnu++20 -Ibuild/view/"$(view_of "$1")" 2>/dev/null)
  if [ -z "$out" ]; then echo "ok tidy $1"; else printf '%s\nnot ok tidy %s\n' "$out" "$1"; fi
}
export -f tidy view_of
# shellcheck disable=SC2016  # $1 is for the inner shell
git ls-files '*.cc' | xargs -P "$(nproc)" -I{} bash -c 'tidy "$1"' _ {}
