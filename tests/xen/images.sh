#!/bin/bash
# SPDX-License-Identifier: MIT
# Builds what the bed boots, from Debian packages only: Xen, a kernel, the root disk and initramfs of
# dom0, and what is always in the initramfs of dom0 and of the guests. Nothing is built again while this
# script and lib.sh stay the same; init scripts and programs are added at each run.
set -eu
# shellcheck source=tests/xen/lib.sh
. "$(dirname "$0")/lib.sh"

key=$(cat "$sources"/{images.sh,lib.sh} | sha256sum | cut -c 1-16)
[ "$(cat "$images/key" 2>/dev/null)" = "$key" ] && exit 0
say "building images ($key)"
rm -rf "$images"
mkdir -p "$images"
work=$(mktemp -d "$bed/work.XXXXXX")
trap 'rm -rf "$work"' EXIT

fetch() {
  say "fetching packages"
  apt_fetch -y -qq --download-only install "${dom0_packages[@]}" "${boot_packages[@]}" >"$bed/fetch.log" 2>&1 ||
    { tail -n 5 "$bed/fetch.log"; refuse "could not fetch packages (see $bed/fetch.log)"; }
}

# files PACKAGE...: the .deb files of these packages and of all they depend on.
files() {
  apt_fetch -s install "$@" 2>/dev/null | sed -n 's/^Inst \([^ ]*\) .*/\1/p' | while read -r name; do
    find "$debs" -maxdepth 1 -name "$name"'_*.deb' -printf '%T@ %p\n' | sort -n | tail -n 1 | cut -d ' ' -f 2
  done
}

boot_files() {
  local kernel modules
  unpack "$work/boot" "$debs"/xen-hypervisor-4.17-amd64_*.deb "$(kernel_deb)"
  gunzip -c "$work"/boot/boot/xen-4.17-amd64.gz >"$images/xen"
  kernel=$(find "$work/boot/boot" -name 'vmlinuz-*')
  cp "$kernel" "$images/vmlinuz"
  release=${kernel##*/vmlinuz-}
  modules=$work/boot/usr/lib/modules/$release
  [ -d "$modules" ] || modules=$work/boot/lib/modules/$release
  depmod -b "$work/boot" "$release"
}
kernel_deb() {
  local name
  name=$(apt-cache depends linux-image-amd64 | sed -n 's/.*Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)
  find "$debs" -name "${name}_*.deb" | sort -V | tail -n 1
}

# modules ROOT NAME...: copies kernel modules and what they need, and lists them in loading order.
modules() {
  local root=$1 name path
  shift
  mkdir -p "$root/modules"
  for name in "$@"; do
    modprobe -d "$work/boot" -S "$release" --show-depends "$name"
  done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' | while read -r path; do
    cp "$path" "$root/modules/"
    echo "${path##*/}"
  done >"$root/modules/order"
}

# initramfs ROOT OUTPUT: busybox and whatever ROOT holds. The init scripts come behind it at each run.
initramfs() {
  mkdir -p "$1"/{bin,proc,sys,dev,mnt,tmp,run}
  cp "$work/dom0/usr/bin/busybox" "$1/bin/busybox"
  (cd "$1" && find . | cpio -o -H newc -R 0:0 --quiet) | gzip -1 >"$2"
}

dom0_root() {
  local root=$work/dom0 list
  mapfile -t list < <(files "${dom0_packages[@]}")
  [ ${#list[@]} -gt 50 ] || refuse "cannot resolve the packages of dom0"
  unpack "$root" "${list[@]}"
  rm -rf "$root"/usr/share/{doc,man,locale,info,iso-codes,perl,i18n} "$root"/usr/lib/debug
  mkdir -p "$root"/{proc,sys,dev,run,tmp,root,bed,mnt} "$root"/var/{log/xen,lib/xen,lib/xenstored}
  rm -rf "$root/var/run" "$root/var/lock"
  ln -s /run "$root/var/run"
  ln -s /run/lock "$root/var/lock"
  cp "$root/usr/share/base-passwd/passwd.master" "$root/etc/passwd" 2>/dev/null || echo 'root:x:0:0::/root:/bin/bash' >"$root/etc/passwd"
  echo 'root:x:0:' >"$root/etc/group"
  ln -sfn mawk "$root/usr/bin/awk"
  ln -sfn bash "$root/usr/bin/sh"
  ldconfig -r "$root"
}
dom0_images() {
  dom0_root
  modules "$work/dom0rd" crc32c_generic virtio_pci virtio_blk ext4 9p 9pnet_virtio \
    xen-evtchn xen-gntdev xen-gntalloc xen-privcmd xenfs
  initramfs "$work/dom0rd" "$images/dom0.initrd"
  mke2fs -q -t ext4 -O ^has_journal -d "$work/dom0" "$images/dom0.ext4" 900M
}
guest_image() {
  modules "$work/guestrd" i915
  initramfs "$work/guestrd" "$images/guest.initrd"
}

fetch
boot_files
dom0_images
guest_image
echo "$key" >"$images/key"
say "images are ready: $(du -sh "$images" | cut -f 1)"
