// SPDX-License-Identifier: MIT
#include "supervisor/io/memfd.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace gserve::io {
namespace {

[[noreturn]] void fail(const char* what, const char* name) {
  throw std::system_error(errno, std::generic_category(), std::string(what) + " memory file " + name);
}

UniqueFd create(const char* name, unsigned int flags) {
  UniqueFd fd(::memfd_create(name, MFD_CLOEXEC | flags));
  if (!fd) fail("cannot create", name);
  return fd;
}

void seal(const UniqueFd& fd, int seals, const char* name) {
  if (::fcntl(fd.get(), F_ADD_SEALS, seals | F_SEAL_SEAL) < 0) fail("cannot seal", name);
}

void write_all(int fd, std::string_view content, const char* name) {
  off_t offset = 0;
  while (!content.empty()) {
    const ssize_t written = ::pwrite(fd, content.data(), content.size(), offset);
    if (written < 0) fail("cannot write", name);
    content.remove_prefix(static_cast<std::size_t>(written));
    offset += written;
  }
}

}  // namespace

UniqueFd make_sized_memfd(const char* name, std::size_t size) {
  UniqueFd fd = create(name, MFD_ALLOW_SEALING);
  if (::ftruncate(fd.get(), static_cast<off_t>(size)) < 0) fail("cannot size", name);
  seal(fd, F_SEAL_SHRINK | F_SEAL_GROW, name);
  return fd;
}

UniqueFd make_sealed_memfd(const char* name, std::string_view content) {
  UniqueFd fd = create(name, MFD_ALLOW_SEALING);
  write_all(fd.get(), content, name);
  seal(fd, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE, name);
  return fd;
}

UniqueFd make_growing_memfd(const char* name) {
  return create(name, 0);
}

std::string read_memfd(int fd, std::size_t limit) {
  struct stat file {};
  if (::fstat(fd, &file) < 0) return {};
  limit = std::min(limit, static_cast<std::size_t>(file.st_size));
  std::string content(limit, '\0');
  std::size_t used = 0;
  while (used < limit) {
    const ssize_t got = ::pread(fd, content.data() + used, limit - used, static_cast<off_t>(used));
    if (got <= 0) break;
    used += static_cast<std::size_t>(got);
  }
  content.resize(used);
  return content;
}

}  // namespace gserve::io
