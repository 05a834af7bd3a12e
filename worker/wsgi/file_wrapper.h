// SPDX-License-Identifier: MIT
#pragma once

#include "worker/wsgi/request.h"

namespace gserve::wsgi {

/// A part of a regular file that can be sent with sendfile(2).
struct FileRegion {
  int fd = -1;
  off_t offset = 0;
  std::uint64_t size = 0;
};

enum class RegionResult { found, none, error };

/// Asks whether `file_wrapper` stands for such a part; error leaves an exception set.
RegionResult find_region(const Hooks& hooks, PyObject* file_wrapper, FileRegion& region);

}  // namespace gserve::wsgi
