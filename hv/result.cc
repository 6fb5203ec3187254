// SPDX-License-Identifier: MIT
#include "hv/result.h"

namespace hv {

const char* error_name(Error e) {
  switch (e) {
    case Error::bad_address: return "bad address";
    case Error::bad_argument: return "bad argument";
    case Error::no_memory: return "no memory";
    case Error::not_supported: return "not supported";
    case Error::busy: return "busy";
    case Error::gone: return "gone";
    case Error::io: return "input/output error";
  }
  return "?";
}

}  // namespace hv
