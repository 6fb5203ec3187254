// SPDX-License-Identifier: MIT
// SHA-256 by OpenSSL.
#include "dom0/guests/digest.h"

#include <openssl/evp.h>

#include <array>
#include <new>

#include "hv/trace/hash.h"

namespace guests {

void Digest::Free::operator()(evp_md_ctx_st* p) const { EVP_MD_CTX_free(p); }

Digest::Digest() : context_(EVP_MD_CTX_new()) {
  if (!context_ || EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr) != 1)
    throw std::bad_alloc();
}

void Digest::add(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(context_.get(), bytes.data(), bytes.size());
}

void Digest::add(uint64_t value) { add(std::as_bytes(std::span(&value, 1))); }

std::string Digest::hex() const {
  std::array<std::byte, 32> out{};
  const std::unique_ptr<evp_md_ctx_st, Free> copy(EVP_MD_CTX_new());
  if (!copy || EVP_MD_CTX_copy_ex(copy.get(), context_.get()) != 1) throw std::bad_alloc();
  EVP_DigestFinal_ex(copy.get(), reinterpret_cast<unsigned char*>(out.data()), nullptr);
  return hv::trace::to_hex(out);
}

}  // namespace guests
