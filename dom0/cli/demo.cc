// SPDX-License-Identifier: MIT
#include "dom0/cli/record.h"

namespace cli {
int demo_recorded(Args, std::ostream&, std::ostream&, const Recording&) { return kBadInput; }
int demo_main(Args args, std::ostream& out, std::ostream& err) {
  return demo_recorded(args, out, err, {});
}
}  // namespace cli
