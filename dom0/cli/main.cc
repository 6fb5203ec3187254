// SPDX-License-Identifier: MIT
// The program. Everything is in the library, so that tests reach it.
#include <iostream>
#include <string>
#include <vector>

#include "dom0/cli/command.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  const std::vector<std::string> args(argv + (argc > 0 ? 1 : 0), argv + argc);
  const int code = cli::xengvt_main(args, std::cout, std::cerr);
  std::cout.flush();
  if (std::cout) return code;
  std::cerr << "xengvt: cannot write to standard output\n";
  return cli::kBadInput;
}
