#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds the root a guest may change into: a file system with Debian's IGT benchmarks and Mesa's iris, and
# of their packages only what these load. It is dom0's second disk and, read-only, that of each guest. The
# modules to mount it come beside it. XEN_ROOT_EXTRA names a folder whose files are put into it besides.
set -eu
# shellcheck source=tests/xen/lib.sh
. "$(dirname "$0")/lib.sh"
out=$bed/root
packages=(intel-gpu-tools libegl1 libgles2 libgbm1 libgl1-mesa-dri mesa-utils-bin kmscube libstdc++6 linux-image-amd64)
# What a guest may start, and what is loaded by name at run time; the libraries they need follow.
wanted=(usr/libexec/igt-gpu-tools usr/bin/eglinfo.x86_64-linux-gnu usr/bin/kmscube usr/lib/x86_64-linux-gnu/dri/iris_dri.so
  usr/lib/x86_64-linux-gnu/libEGL_mesa.so.0 usr/lib/x86_64-linux-gnu/libEGL.so.1 usr/lib/x86_64-linux-gnu/libGLESv2.so.2
  usr/lib/x86_64-linux-gnu/libgbm.so.1 usr/lib/x86_64-linux-gnu/libstdc++.so.6 usr/lib/x86_64-linux-gnu/libnss_files.so.2
  usr/lib64/ld-linux-x86-64.so.2 usr/share/glvnd usr/share/drirc.d)

key=$({ cat "$sources"/{guest_root.sh,lib.sh}; find "${XEN_ROOT_EXTRA:-/nowhere}" -type f -printf '%p %s %T@\n' 2>/dev/null; } |
  sha256sum | cut -c 1-16)
[ "$(cat "$out/key" 2>/dev/null)" = "$key" ] && exit 0
say "building the guests' root ($key)"
rm -rf "$out"
mkdir -p "$out"/modules
work=$(mktemp -d "$bed/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

# Everything these packages depend on, unpacked.
all_files() {
  local list
  apt_fetch -y -qq --download-only install "${packages[@]}" >"$bed/fetch.log" 2>&1 ||
    { tail -n 5 "$bed/fetch.log"; refuse "could not fetch packages (see $bed/fetch.log)"; }
  mapfile -t list < <(apt_fetch -s install "${packages[@]}" 2>/dev/null | sed -n 's/^Inst \([^ ]*\) .*/\1/p' |
    while read -r name; do
      find "$debs" -maxdepth 1 -name "$name"'_*.deb' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2
    done)
  unpack "$work/all" "${list[@]}"
}
# keep PATH: into the root, with what it is a link to, and the libraries that its programs need.
keep() {
  local path file need
  while [ -h "$work/all/$1" ]; do
    copy "$1" || return 0
    path=$(readlink "$work/all/$1")
    case $path in /*) set -- "${path#/}" ;; *) set -- "$(realpath -sm --relative-to=. "${1%/*}/$path")" ;; esac
  done
  while read -r file; do
    copy "$file" || continue
    while read -r need; do
      for path in usr/lib/x86_64-linux-gnu usr/lib usr/lib64; do
        [ ! -e "$work/all/$path/$need" ] || { keep "$path/$need"; break; }
      done
    done < <(objdump -p "$work/all/$file" 2>/dev/null | awk '$1 == "NEEDED" {print $2}')
  done < <(cd "$work/all" && find "$1" ! -type d)
}
copy() { # fails for what is there already
  [ ! -e "$work/root/$1" ] && [ ! -h "$work/root/$1" ] || return 1
  mkdir -p "$work/root/${1%/*}"
  cp -a "$work/all/$1" "$work/root/$1"
}
# modules ORDER NAME...: these modules and what they need, in loading order, with their names in a file ORDER.
modules() {
  local order=$1 name path release
  shift
  release=$(basename "$work"/all/boot/vmlinuz-*)
  release=${release#vmlinuz-}
  depmod -b "$work/all" "$release"
  for name in "$@"; do
    modprobe -d "$work/all" -S "$release" --show-depends "$name"
  done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' | while read -r path; do
    cp "$path" "$out/modules/"
    echo "${path##*/}"
  done >"$out/modules/$order"
}
make_root() {
  local path
  mkdir -p "$work/root"/{usr/{bin,sbin,lib,lib64},proc,sys,dev,tmp,run,bed,etc,var/cache}
  for path in bin sbin lib lib64; do ln -s "usr/$path" "$work/root/$path"; done
  [ -z "${XEN_ROOT_EXTRA:-}" ] || { cp -a "$XEN_ROOT_EXTRA" "$work/all/extra" && wanted+=(extra); }
  for path in "${wanted[@]}"; do keep "$path"; done
  echo 'root:x:0:0::/tmp:/bin/sh' >"$work/root/etc/passwd"
  ldconfig -r "$work/root"
  mke2fs -q -t ext4 -O ^has_journal -m 0 -d "$work/root" "$out/root.ext4" \
    "$(($(du -sm "$work/root" | cut -f 1) * 11 / 10 + 16))M"
}

all_files
modules order virtio_pci virtio_blk crc32c_generic ext4 # to mount it with
modules vgem vgem                                       # a GPU without hardware, for IGT's tests of fences and sharing
make_root
echo "$key" >"$out/key"
say "the guests' root is ready: $(du -sh "$out" | cut -f 1)"
