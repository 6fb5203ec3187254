// SPDX-License-Identifier: MIT
// The xenstore connection behind DomainWatch.
#include "hv/xen/watch.h"

extern "C" {
#include <xenstore.h>
}

#include <cerrno>
#include <cstdlib>

#include "hv/xen/calls.h"

namespace hv::xen {
namespace {

xs_handle* xs(void* store) { return static_cast<xs_handle*>(store); }

}  // namespace

Result<std::unique_ptr<DomainWatch>, std::string> DomainWatch::open() {
  auto control = Control::open();
  if (!control.ok()) return control.error();
  xs_handle* store = xs_open(0);
  if (!store)
    return "cannot reach xenstore: " + errno_text(errno) +
           "; start xenstored (systemctl start xen)";
  std::unique_ptr<DomainWatch> watch(new DomainWatch(store, std::move(*control)));
  // A watch fires once at once, which makes the first list.
  if (!xs_watch(store, "@introduceDomain", "born") || !xs_watch(store, "@releaseDomain", "gone"))
    return "cannot watch domains in xenstore: " + errno_text(errno);
  return watch;
}
DomainWatch::~DomainWatch() { xs_close(xs(store_)); }

int DomainWatch::fd() const { return xs_fileno(xs(store_)); }

std::vector<DomainEvent> DomainWatch::events() {
  bool fired = false;
  while (char** watch = xs_check_watch(xs(store_))) {
    std::free(watch);
    fired = true;
  }
  std::vector<DomainInfo> now;
  if (!fired || control_->list(now)) return {};
  std::vector<DomainEvent> events = compare_lists(last_, now);
  last_ = std::move(now);
  return events;
}

}  // namespace hv::xen
