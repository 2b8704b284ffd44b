#!/usr/bin/env bash
# Builds the test machine: a kernel out of Debian's package, and an initramfs of one static program (guest/init.c).
# usage: build.sh DIRECTORY     kernel and initrd.img appear there; what is there and current is kept
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
out="${1:?usage: build.sh DIRECTORY}"
mkdir -p "$out"
out="$(cd "$out" && pwd)"
exec 9>"$out/.lock" && flock 9

if [[ ! -s $out/kernel ]]; then
  work="$(mktemp -d "$out/.kernel-XXXXXX")"
  trap 'rm -rf "$work"' EXIT
  # The newest kernel that the meta package stands for. Downloaded and unpacked, never installed.
  package="$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: \(linux-image-[^ ]*\)$/\1/p' | head -n 1)"
  [[ -n $package ]] || { echo 'no linux-image-cloud-amd64: run apt-get update on Debian for x86_64' >&2; exit 1; }
  # As root, apt hands downloads to a user of its own, who may not write here.
  (cd "$work" && apt-get -q -o APT::Sandbox::User=root download "$package" >&2)
  dpkg-deb --fsys-tarfile "$work"/*.deb | tar -x -C "$work" --wildcards './boot/vmlinuz*'
  mv "$work"/boot/vmlinuz* "$out/kernel"
fi
if [[ ! $out/initrd.img -nt $here/guest/init.c || ! $out/initrd.img -nt $here/initramfs.mjs ]]; then
  gcc -O2 -static -Wall -Wextra -Werror -Wno-unused-result -o "$out/init" "$here/guest/init.c"
  node "$here/initramfs.mjs" "$out/init" "$out/initrd.img"
fi
