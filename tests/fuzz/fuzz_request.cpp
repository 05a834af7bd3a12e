// SPDX-License-Identifier: MIT
// The request parser against itself, fed in other pieces, and against a plain second implementation.
#include "tests/fuzz/fuzz.h"
#include "tests/unit/http/reference_parser.h"

using namespace gserve::http::test;
using gserve::http::Leniency;

namespace {

/// A choice that the input's size makes, so that the corpus keeps its layout.
Leniency leniency_for(std::size_t size) {
  return {(size & 1) != 0, (size & 2) != 0, (size & 4) != 0, (size & 8) != 0, (size & 16) != 0};
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::vector<std::size_t> ends = three_splits(input, size < 3 ? 0 : size - 3);
  const std::string_view bytes = input.rest();

  const Outcome whole = parse_whole(bytes);
  require(parse_byte_by_byte(bytes, {}, Buffer::stays) == whole, "byte by byte means the same");
  require(parse_in_pieces(bytes, ends) == whole, "in pieces means the same");

  const Leniency leniency = leniency_for(size);
  const Outcome loose = parse_whole(bytes, {}, leniency);
  require(parse_byte_by_byte(bytes, {}, Buffer::moves, leniency) == loose,
          "loose rules do not depend on pieces");
  require(!whole.accepted() || loose == whole, "loose rules change nothing about what is correct");

  if (whole.refusal == 414 || whole.refusal == 431) return 0;  // the reference knows no limits

  const Outcome reference = parse_by_reference(bytes);
  require(whole.accepted() == reference.accepted(), "both accept or both refuse");
  if (!whole.accepted()) return 0;
  require(whole == reference, "both understand the same");
  Outcome again = parse_whole(render(whole));
  again.head_size = whole.head_size;
  require(again == whole, "written again it means the same");
  return 0;
}
