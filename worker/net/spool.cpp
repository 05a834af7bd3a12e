// SPDX-License-Identifier: MIT
#include "worker/net/spool.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <cerrno>

namespace gserve::net {
namespace {

int open_unnamed(const std::string& dir) {
  constexpr mode_t kOwnerOnly = 0600;
  const int fd = ::open(dir.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, kOwnerOnly);
  // What a file system or kernel without O_TMPFILE answers (open(2)).
  if (fd >= 0 || (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)) return fd;
  std::string path = dir + "/gserve-XXXXXX";
  const int named = ::mkostemp(path.data(), O_CLOEXEC);
  if (named >= 0) ::unlink(path.c_str());
  return named;
}

}  // namespace

TrackedFd open_spool(ForkGuard& guard, const std::string& dir) {
  return make_tracked(guard, [&] { return open_unnamed(dir); });
}

bool write_at(int fd, std::string_view data, off_t offset) {
  while (!data.empty()) {
    const ssize_t n = ::pwrite(fd, data.data(), data.size(), offset);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(n));
    offset += n;
  }
  return true;
}

std::string spool_dir(const std::string& configured) {
  if (!configured.empty()) return configured;
  const char* dir = ::getenv("TMPDIR");
  return dir != nullptr && *dir != '\0' ? dir : "/tmp";
}

}  // namespace gserve::net
