// SPDX-License-Identifier: MIT
// The cases of the scheduling benchmark; docs/SCHEDULING.md describes them.
#pragma once

#include "tests/sched/report.h"

namespace sched {

struct Case {
  const char* name;
  Row (*run)(unsigned seed);
};
extern const std::vector<Case> kCases;

}  // namespace sched
