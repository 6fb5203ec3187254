// SPDX-License-Identifier: MIT
// The text form of a trace: one record a line, `#` comments, lossless both ways, for traces written
// and reviewed by hand.
//
//   xengvt-trace 1 quirks=0x0 device_id=0x1912 revision=6
//   trap_write 1 range=1 offset=0x2230 size=4 value=0x1
//   read 1 address=0x1000 bytes=4 status=ok data=01020304
//   end 0 records=2 state=e3b0...
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "hv/trace/record.h"

namespace hv::trace {

/// One line, no newline at its end. `vocabulary` knows the record's kind.
std::string to_text(const Record& record, const Vocabulary& vocabulary);
std::string to_text(const FileHeader& header);

/// A line of text taken apart; `blob` stands behind `record.blob`.
struct ParsedLine {
  Record record;
  std::vector<std::byte> blob;
};

/// Both give an empty string, or say what is wrong with the line.
std::string from_text(std::string_view line, const Vocabulary& vocabulary, ParsedLine& out);
std::string from_text(std::string_view line, FileHeader& out);

/// "ok", or the error's name with underscores; "17" for codes without one.
std::string status_text(uint64_t code);

}  // namespace hv::trace
