// SPDX-License-Identifier: MIT
// SHA-256 over what two runs are compared by.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

struct evp_md_ctx_st;

namespace guests {

class Digest {
 public:
  Digest();
  void add(std::span<const std::byte> bytes);
  /// Little-endian.
  void add(uint64_t value);
  /// Lower-case hexadecimal of everything so far; more may be added after.
  [[nodiscard]] std::string hex() const;

 private:
  struct Free {
    void operator()(evp_md_ctx_st* p) const;
  };
  std::unique_ptr<evp_md_ctx_st, Free> context_;
};

}  // namespace guests
