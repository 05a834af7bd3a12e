// SPDX-License-Identifier: MIT
// The body decoder against itself, fed in other pieces, and against the plain reading of what it took.
#include "tests/fuzz/fuzz.h"

using namespace gserve::http::test;
using gserve::http::BodyDecoder;

namespace {

/// The data of a chunked body that is known to be well-formed.
std::string read_plainly(std::string_view bytes) {
  std::string data;
  while (true) {
    const std::size_t size = std::strtoull(std::string(bytes.substr(0, 16)).c_str(), nullptr, 16);
    bytes.remove_prefix(bytes.find("\r\n") + 2);
    if (size == 0) return data;
    data += bytes.substr(0, size);
    bytes.remove_prefix(size + 2);
  }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::vector<std::size_t> ends = three_splits(input, size < 4 ? 0 : size - 4);
  const std::uint8_t length = input.byte();  // 0: chunked
  const std::string_view bytes = input.rest();
  const BodyDecoder decoder = length == 0 ? chunked_decoder() : length_decoder(length);

  const Body whole = decode_in_pieces(decoder, bytes, {});
  require(decode_byte_by_byte(decoder, bytes) == whole, "byte by byte means the same");
  require(decode_in_pieces(decoder, bytes, ends) == whole, "in pieces means the same");
  require(whole.consumed <= bytes.size(), "no more is consumed than there is");
  if (length != 0) {
    require(whole.data == bytes.substr(0, length), "the data is the bytes");
  } else if (whole.status == BodyDecoder::Status::complete) {
    require(whole.data == read_plainly(bytes), "the data is what was chunked");
    const std::string_view end = bytes.substr(0, whole.consumed);
    require(end.substr(end.size() - 4) == "\r\n\r\n", "it ends with an empty line");
  }
  return 0;
}
