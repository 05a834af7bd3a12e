// SPDX-License-Identifier: MIT
// The response writer: whatever an application sets, the head keeps its shape and the body its framing.
#include <optional>

#include "tests/fuzz/fuzz.h"
#include "worker/http/response_writer.h"

using namespace gserve::http::test;
using namespace gserve::http;

namespace {

std::size_t count(std::string_view text, char c) {
  return static_cast<std::size_t>(std::count(text.begin(), text.end(), c));
}

/// No bytes of a field or status can end a line early or begin one.
void check_head(std::string_view head, std::size_t fields) {
  require(head.substr(head.size() - 4) == "\r\n\r\n", "the head ends with an empty line");
  require(head.find("\r\n\r\n") == head.size() - 4, "and has no other");
  require(count(head, '\n') == count(head, '\r'), "line ends are CRLF");
  require(count(head, '\n') <= fields + 6, "there is a line for each field and six of the server's own");
  require(head.find('\0') == head.npos, "there is no NUL");
}

void check_body(ResponseWriter& writer, Input& input, std::string_view head, bool no_body) {
  std::string wire, sent;
  while (!input.empty()) {
    const std::string_view part = input.text(input.byte());
    const ResponseWriter::Frame frame = writer.frame(part.size());
    require(frame.send <= part.size(), "no more goes out than there is");
    wire.append(frame.before).append(part.substr(0, frame.send)).append(frame.after);
    sent += part.substr(0, frame.send);
  }
  wire += writer.end();
  require(writer.body_sent() == sent.size(), "what is sent is counted");
  require(!no_body || wire.empty(), "a response without a body sends none");
  if (head.find("\r\nTransfer-Encoding: chunked\r\n") == head.npos) {
    require(wire == sent, "a plain body is its bytes");
    return;
  }
  const Body body = decode_in_pieces(chunked_decoder(), wire, {});
  require(body == Body{BodyDecoder::Status::complete, 0, "", sent, wire.size()}, "a chunked body reads back");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::uint8_t flags = input.byte();
  const ResponseWriter::Request request{(flags & 1) != 0, (flags & 2) != 0 ? 0 : 1, (flags & 4) == 0};
  const std::string_view status = input.text(input.byte() % 32);
  std::vector<Field> fields;
  for (int i = flags >> 5; i > 0; --i) {
    const std::string_view name = input.text(input.byte() % 32);
    fields.push_back({name, input.text(input.byte() % 32)});
  }
  ResponseWriter writer(request);
  if (writer.start(status, fields) != nullptr) {
    require(!writer.started(), "an error starts nothing");
    return 0;
  }
  const int code = writer.status_code();
  std::string head;
  writer.make_head(head, "Sun, 06 Nov 1994 08:49:37 GMT",
                   (flags & 8) != 0 ? std::optional<std::uint64_t>(flags) : std::nullopt);
  check_head(head, fields.size());
  check_body(writer, input, head, request.head || code < 200 || code == 204 || code == 304);
  return 0;
}
