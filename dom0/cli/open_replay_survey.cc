// SPDX-License-Identifier: MIT
#include "dom0/cli/open_replay_survey.h"

#include "dom0/cli/trace_file.h"
#include "hv/bits.h"
#include "hv/domain.h"
#include "mediator/trace/kinds.h"
#include "shadow/gen9/regs.h"

namespace cli {

namespace {
using hv::trace::Kind;
using hv::trace::Record;

using PteFrame = hv::Field64<38, 12>;

void add(std::set<hv::Gfn>& pages, uint64_t gfn) {
  if (gfn < kMaxReplayGfn) pages.insert(hv::Gfn{gfn});
}

void add_range(std::set<hv::Gfn>& pages, uint64_t address, uint64_t bytes) {
  if (bytes == 0 || bytes > hv::trace::kMaxRecord) return;
  for (uint64_t g = address >> hv::kPageShift; g <= (address + bytes - 1) >> hv::kPageShift; ++g)
    add(pages, g);
}

void add_pins(std::set<hv::Gfn>& pages, std::span<const std::byte> list) {
  uint64_t gfn = 0, difference = 0, frame = 0;
  while (hv::trace::take_varint(list, difference) && hv::trace::take_varint(list, frame))
    add(pages, gfn += hv::trace::unzigzag(difference));
}

/// Pages that only the mediator writes (status page, context image) are named by the guest's GGTT.
void add_ggtt_entry(std::set<hv::Gfn>& pages, const Record& r) {
  const bool entry = r.args[0] == static_cast<uint64_t>(hv::Range::bar0) &&
                     r.args[1] >= gen9::kGttOffset && r.args[1] % 8 == 0;
  if (entry && (r.args[3] & 1)) add(pages, PteFrame::get(r.args[3]) >> hv::kPageShift);
}

void take(const Record& r, Survey& s) {
  auto& pages = s.pages[r.subject];
  switch (r.kind) {
    case Kind::read: return add_range(pages, r.args[0], r.args[2] == 0 ? r.args[1] : 0);
    case Kind::page_write: return add_range(pages, r.args[0], r.args[1]);
    case Kind::pin: return add_pins(pages, r.blob);
    case Kind::guest_page: return add(pages, r.args[0]);
    case Kind::trap_write: return add_ggtt_entry(pages, r);
    default: return;
  }
}
}  // namespace

Survey survey(const std::string& path) {
  Survey s;
  TraceSource file(path);
  if (!file.error().empty()) {
    s.error = file.error();
    return s;
  }
  hv::trace::Reader reader(file, mediator::trace::kVocabulary);
  while (const Record* r = reader.next())
    if (r->subject != 0) take(*r, s);
  s.error = reader.error();
  if (s.error.empty() && !(reader.header().quirks & hv::trace::kGuestPages))
    s.error = "recorded without --open, so it holds no guest pages";
  return s;
}

}  // namespace cli
