# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What the scripts of the bed share: where things are, what is fetched, and how an image is named.
# shellcheck disable=SC2034 # used by those who read this file

cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 2
bed=$PWD/build/xen        # everything the bed makes is below this folder
debs=$bed/debs            # packages as fetched
images=$bed/images        # what is booted; images/key says which scripts and packages made it
share=$bed/share          # the folder dom0 sees as /bed: programs in, logs and results out
sources=tests/xen

dom0_packages=(bash coreutils grep sed mawk findutils util-linux mount kmod procps iproute2 gzip cpio
  pciutils xen-utils-4.17 xen-utils-common xenstore-utils qemu-system-xen seabios busybox-static
  libboost-json1.81.0 libboost-program-options1.81.0 libpng16-16 libssl3 libzstd1)
boot_packages=(xen-hypervisor-4.17-amd64 linux-image-amd64)

say() { echo "xen bed: $*"; }
refuse() { echo "xen bed: $*" >&2; exit 1; }

# apt against an empty system: it resolves every dependency and fetches, and installs nothing.
apt_fetch() {
  mkdir -p "$debs/partial"
  apt-get -o Dir::State::status=/dev/null -o Dir::Cache::archives="$debs" -o APT::Sandbox::User=root \
    -o Debug::NoLocking=1 -o APT::Install-Recommends=0 "$@"
}

# unpack ROOT DEB...: extracts packages into a root whose /bin, /lib and /sbin are links into /usr.
unpack() {
  local root=$1 deb
  shift
  mkdir -p "$root"/usr/{bin,sbin,lib,lib64}
  for deb in bin sbin lib lib64; do [ -e "$root/$deb" ] || ln -s "usr/$deb" "$root/$deb"; done
  for deb in "$@"; do
    dpkg-deb --fsys-tarfile "$deb" | tar -x --keep-directory-symlink -C "$root" || refuse "cannot unpack $deb"
  done
}
