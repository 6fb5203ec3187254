// SPDX-License-Identifier: MIT
// A private path through a PPGTT: copies of the tables above some pages, in which other frames
// stand there. The copies follow the tables they were made from.
#pragma once

#include <map>
#include <memory>

#include "shadow/ppgtt.h"
#include "shadow/ppgtt_tables.h"

namespace shadow::ppgtt {

/// One private copy of a shadow table.
struct ViewTable {
  gen9::Level level{};
  hv::BusFrame frame;
  Table* source = nullptr;  ///< nullptr: the guest has no table here any more
  ViewTable* next_mirror = nullptr;
  Entries entries{};
  std::map<unsigned, std::unique_ptr<ViewTable>> children;  ///< private tables below
  std::map<unsigned, uint64_t> replaced;                    ///< level pt: entries of our own
};

class View final : public PpgttSet::View {
 public:
  static hv::Result<std::unique_ptr<View>> make(Tables& tables, Table& root);
  ~View() override;
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  hv::Status replace(uint64_t va, hv::BusFrame frame) override;
  [[nodiscard]] hv::BusFrame root_frame() const override { return root_->frame; }

 private:
  explicit View(Tables& tables) : tables_(tables) {}
  hv::Result<std::unique_ptr<ViewTable>> copy(Table& source, gen9::Level level);
  hv::Result<ViewTable*> private_child(ViewTable& parent, unsigned i);

  Tables& tables_;
  std::unique_ptr<ViewTable> root_;
};

}  // namespace shadow::ppgtt
