// SPDX-License-Identifier: MIT
// xengvt-dm: the program. Everything is in the library, so that tests reach it.
#include <iostream>
#include <vector>

#include "dom0/xl/dm_args.h"

int main(int argc, char** argv) {
  const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  return xengvt_dm::dm_main(args, std::cout, std::cerr);
}
