# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# What must not harm the host: the daemon is killed while the GPU runs, guests are destroyed or give pages back
# in the middle of it, and a GPU that is late, silent, stuck, gone.
# shellcheck source=tests/xen/dom0/pci.sh
. /bed/dom0/pci.sh
small() {
  check "a guest comes: $1" "$log/create-$1.log" lean "$1" work && check "it works: $1" "$file" wait_for 60 works "$1" 5
}
end_small() {
  local name
  for name in "$@"; do xl destroy "$name"; done
  check "its vGPU is gone: $*" "$file" wait_for 20 has_no_vgpu "$1"
}
given_up() { [ "$(grep -c 'no longer answers' "$file")" -ge "$1" ]; }
# fresh WHY: the daemon and the GPU anew.
fresh() {
  local name
  faults 0
  for name in a b c; do xl destroy "$name"; done 2>/dev/null
  stop_daemon
  check "the daemon starts again: $1" "$file" pci_daemon
}

faults 4
refuses "a GPU that answers all ones is refused" "does not come up" xengvt host selftest
faults 8
refuses "a GPU that never acknowledges forcewake is refused" "does not come up" xengvt host selftest
faults 16
refuses "a GPU that hangs in reset is refused" "does not come up" xengvt host selftest
faults 3
check "the self test passes on a GPU that is late" "$log/selftest-late.json" xengvt host selftest -o "$log/selftest-late.json"
faults 0
check "the daemon starts on the GPU" "$file" pci_daemon || return
small a && small b || return
xl destroy a
check "a guest is destroyed while its contexts run, and the other goes on" "$file" goes_on b
faults 3
check "a guest goes on while the GPU is late" "$file" goes_on b
faults 0
xen-poke balloon "$(xl domid b)" 0x106 6 # what its GPU works on: tests/xen/lean/lean.cc, "shared"
nap 3
check "the daemon survives a guest that gives pages in use back" "$file" daemon_runs
end_small b

small a || return
mark 50
kill -KILL "$(daemon_pid)"
check "the keeper stops the GPU" "$file" wait_for 10 keeper_is_gone
check "the GPU cannot reach memory any more" "$file" cannot_reach_memory
mark 51
nap 3
mark 52
check "the next daemon starts" "$file" pci_daemon
check "its guest works on" "$file" goes_on a

faults 32
xl destroy a
check "a GPU that does not forget translations loses memory" "$file" wait_for 20 given_up 1
check "bus mastering is off" "$file" cannot_reach_memory
check "the daemon is alive" "$file" daemon_runs
fresh "after a GPU that did not forget"
small b || return
faults 4
check "a GPU that is gone is noticed" "$file" wait_for 20 given_up 2
check "the daemon is alive and has its guest" "$file" fails "$log/b.log" has_no_vgpu b
fresh "after a GPU that was gone"
small c && end_small c
stop_daemon
mark 99
faults 64 # the process that is the GPU ends
nap 2
refuses "a GPU that left the bus is refused" "left the bus" xengvt host probe
