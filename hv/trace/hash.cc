// SPDX-License-Identifier: MIT
#include "hv/trace/hash.h"

#include <openssl/evp.h>

#include <boost/crc.hpp>

namespace hv::trace {

uint32_t crc32(std::initializer_list<std::span<const std::byte>> parts) {
  boost::crc_32_type crc;
  for (const auto& p : parts) crc.process_bytes(p.data(), p.size());
  return crc.checksum();
}

Sha256 sha256(std::span<const std::byte> bytes) {
  Sha256 out{};
  EVP_Digest(bytes.data(), bytes.size(), reinterpret_cast<unsigned char*>(out.data()), nullptr,
             EVP_sha256(), nullptr);
  return out;
}

std::string to_hex(std::span<const std::byte> bytes) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string s;
  s.reserve(bytes.size() * 2);
  for (const std::byte b : bytes) {
    s += kDigits[static_cast<unsigned>(b) >> 4];
    s += kDigits[static_cast<unsigned>(b) & 15];
  }
  return s;
}

}  // namespace hv::trace
