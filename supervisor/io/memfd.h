// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "common/unique_fd.h"

/// Memory files (memfd_create(2)), all close-on-exec. All functions throw std::system_error.
namespace gserve::io {

/// A file of `size` zero bytes that can neither shrink nor grow, nor be sealed further: safe to map and
/// share.
UniqueFd make_sized_memfd(const char* name, std::size_t size);

/// An immutable file with `content`, its offset at 0.
UniqueFd make_sealed_memfd(const char* name, std::string_view content);

/// An empty file that may grow.
UniqueFd make_growing_memfd(const char* name);

/// What the file holds, at most `limit` bytes from its start.
std::string read_memfd(int fd, std::size_t limit);

}  // namespace gserve::io
