// SPDX-License-Identifier: MIT
// What is read from a message of the hand-over queue is what the message is made of: written again, it has
// the same bytes. Then each of its texts, changed by the input, must arrive as it was sent.
#include "tests/fuzz/fuzz.h"
#include "worker/http/handover_message.h"

using namespace gserve::http;
using namespace gserve::http::test;

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  HandedRequest read;
  std::string written;
  if (decode(bytes, read) == HandedFormat::good) {
    encode(read, written);
    require(written == bytes, "a message that is understood is written the same again");
  }
  Input input(data, size);
  HandedRequest request;
  for (std::string_view* text : {&request.head, &request.body, &request.peer.address, &request.local.path,
                                 &request.proxy_header.destination_port}) {
    *text = input.text(input.byte());
  }
  request.rest = input.rest();
  encode(request, written);
  require(decode(written, read) == HandedFormat::good, "what was written is understood");
  require(read == request, "the request arrives as it was");
  return 0;
}
