// SPDX-License-Identifier: MIT
#include "worker/http/handover_message.h"

#include <array>
#include <cstdint>

namespace gserve::http {
namespace {

constexpr std::string_view kMagic = "gsho";
constexpr std::size_t kVersionAt = kMagic.size();
constexpr std::size_t kSizesAt = kVersionAt + 4;
constexpr std::size_t kTexts = 14;
constexpr std::size_t kTextsAt = kSizesAt + kTexts * sizeof(std::uint32_t);

/// The texts in the order of the message.
template <typename Request>
auto texts(Request& r) {
  auto& header = r.proxy_header;
  return std::array{&r.head,
                    &r.body,
                    &r.rest,
                    &r.peer.address,
                    &r.peer.port,
                    &r.peer.path,
                    &r.local.address,
                    &r.local.port,
                    &r.local.path,
                    &header.protocol,
                    &header.source,
                    &header.source_port,
                    &header.destination,
                    &header.destination_port};
}

void append_size(std::string& out, std::size_t size) {
  for (unsigned shift = 0; shift < 32; shift += 8) out += static_cast<char>(size >> shift & 0xff);
}

std::size_t read_size(std::string_view bytes) {
  std::size_t size = 0;
  for (std::size_t i = 4; i-- > 0;) size = size << 8 | static_cast<unsigned char>(bytes[i]);
  return size;
}

}  // namespace

void encode(const HandedRequest& request, std::string& out) {
  out.assign(kMagic);
  out += static_cast<char>(kHandoverVersion);
  out.append(3, '\0');
  for (const std::string_view* text : texts(request)) append_size(out, text->size());
  for (const std::string_view* text : texts(request)) out += *text;
}

HandedFormat decode(std::string_view message, HandedRequest& request) {
  if (message.size() <= kVersionAt || !message.starts_with(kMagic)) return HandedFormat::malformed;
  if (static_cast<unsigned char>(message[kVersionAt]) != kHandoverVersion)
    return HandedFormat::unknown_version;
  if (message.size() < kTextsAt || message.substr(kVersionAt + 1, 3) != std::string_view("\0\0\0", 3))
    return HandedFormat::malformed;
  HandedRequest read;
  std::string_view sizes = message.substr(kSizesAt);
  std::string_view rest = message.substr(kTextsAt);
  for (std::string_view* text : texts(read)) {
    const std::size_t size = read_size(sizes);
    if (size > rest.size()) return HandedFormat::malformed;
    *text = rest.substr(0, size);
    sizes.remove_prefix(4);
    rest.remove_prefix(size);
  }
  if (!rest.empty()) return HandedFormat::malformed;
  request = read;
  return HandedFormat::good;
}

}  // namespace gserve::http
