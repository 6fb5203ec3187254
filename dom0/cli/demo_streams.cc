// SPDX-License-Identifier: MIT
// Looks for the corpus and the recordings.
#include "dom0/cli/demo_streams.h"

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <string_view>

namespace cli {
namespace {

namespace fs = std::filesystem;

/// Files of this folder with one of these endings, in order.
std::vector<std::string> files_of(const fs::path& folder,
                                  std::initializer_list<std::string_view> endings) {
  std::vector<std::string> found;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(folder, ignored)) {
    const std::string name = entry.path().filename().string();
    // NAME.model.xgt is no guest: make bless recorded it from one.
    if (name.find(".model.") != std::string::npos) continue;
    if (std::any_of(endings.begin(), endings.end(),
                    [&](std::string_view end) { return name.ends_with(end); }))
      found.push_back(entry.path().string());
  }
  std::sort(found.begin(), found.end());
  return found;
}

/// Where the source is built and run, or where it is installed.
std::vector<std::string> find(const fs::path& source, const char* installed,
                              std::initializer_list<std::string_view> endings) {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored).parent_path();
  for (const fs::path& folder : {source, program / ".." / source, program / ".." / ".." / source,
                                 program / ".." / "share" / "xengvt" / installed})
    if (auto files = files_of(folder, endings); !files.empty()) return files;
  return {};
}

}  // namespace

std::vector<std::string> find_streams() {
  return find(fs::path("tests") / "corpus" / "aub", "aub", {".aub", ".aub.zst"});
}

std::vector<std::string> find_recordings() {
  return find(fs::path("tests") / "traces" / "real", "traces", {".xgt"});
}

}  // namespace cli
