// SPDX-License-Identifier: MIT
#include "supervisor/io/template_socket.h"

#include <cerrno>
#include <cstring>

#include "common/launch_contract.h"
#include "supervisor/io/descriptor_passing.h"
#include "supervisor/io/message_fields.h"

namespace gserve::io {
namespace {

constexpr std::size_t kMaxMessage = 4096;

std::optional<TemplateMessage> parse(DescriptorMessage message) {
  using Kind = TemplateMessage::Kind;
  MessageFields fields = parse_fields(message.text);
  if (const auto launch = number_field(fields, contract::kBorn); launch && message.fds.size() == 1) {
    return TemplateMessage{Kind::born, *launch, std::move(message.fds.front()), {}};
  }
  if (const auto launch = number_field(fields, contract::kForked)) {
    return TemplateMessage{Kind::forked, *launch, {}, {}};
  }
  if (const auto launch = number_field(fields, contract::kForkFailed)) {
    return TemplateMessage{Kind::failed, *launch, {}, fields[std::string(contract::kForkReason)]};
  }
  return std::nullopt;
}

}  // namespace

std::string TemplateSocket::ask_fork(core::LaunchId launch, std::string_view names,
                                     std::span<const int> fds) {
  std::string text = std::string(contract::kFork) + '=' + std::to_string(launch) + '\n';
  text += std::string(contract::kForkFdNames) + '=' + std::string(names);
  const int error = send_with_descriptors(fd_.get(), text, fds);
  ended_ = ended_ || error == EPIPE || error == ECONNRESET;
  return error ? std::string("the template does not take the request: ") + std::strerror(error) : "";
}

std::vector<TemplateMessage> TemplateSocket::receive() {
  std::vector<TemplateMessage> messages;
  while (auto received = receive_with_descriptors(fd_.get(), kMaxMessage, &ended_)) {
    if (auto message = parse(std::move(*received))) messages.push_back(std::move(*message));
  }
  return messages;
}

}  // namespace gserve::io
