// SPDX-License-Identifier: MIT
#pragma once

#include <cerrno>

namespace gserve::io {

/// What to do about `error` (errno) when it says that descriptors ran out, to be put behind a message; else
/// empty.
inline const char* descriptor_limit_hint(int error) {
  const bool ran_out = error == EMFILE || error == ENFILE;
  return ran_out ? "; raise the limit on open files (ulimit -n, LimitNOFILE= in a unit)" : "";
}

}  // namespace gserve::io
