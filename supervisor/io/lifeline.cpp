// SPDX-License-Identifier: MIT
#include "supervisor/io/lifeline.h"

#include <sys/socket.h>

#include <cstring>
#include <string>

#include "common/launch_contract.h"

namespace gserve::io {

bool send_logs(int lifeline, int error_log, int access_log) {
  const int fds[] = {error_log, access_log};
  const std::size_t size = sizeof(int) * (access_log < 0 ? 1 : 2);
  std::string text(contract::kLifelineLogs);
  iovec data{text.data(), text.size()};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof fds)] = {};
  msghdr header{};
  header.msg_iov = &data;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = CMSG_SPACE(size);
  cmsghdr* rights = CMSG_FIRSTHDR(&header);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(size);
  std::memcpy(CMSG_DATA(rights), fds, size);
  return ::sendmsg(lifeline, &header, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

}  // namespace gserve::io
