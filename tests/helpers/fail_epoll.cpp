// SPDX-License-Identifier: MIT
// Preloaded into a new program of the supervisor: it cannot make an epoll instance. The old one, which is
// given the process back, can.
#include <dlfcn.h>

#include <cerrno>
#include <cstdlib>

namespace {

// Looked at before main, which takes the variables away.
const bool kFails =
    std::getenv("GSERVE_UPGRADE") != nullptr && std::getenv("GSERVE_UPGRADE_FAILED") == nullptr;

}  // namespace

extern "C" __attribute__((visibility("default"))) int epoll_create1(int flags) {
  if (kFails) {
    errno = EMFILE;
    return -1;
  }
  using Function = int (*)(int);
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, "epoll_create1"))(flags);
}
