// SPDX-License-Identifier: MIT
// The reader of PROXY headers against itself, fed in other pieces, against a plain second implementation, and
// against what is written again of its results.
#include "tests/fuzz/fuzz.h"
#include "tests/unit/http/reference_proxy.h"

using namespace gserve::http::test;
using namespace gserve::http;

namespace {

/// What a header says can be said by a line of version 1 too.
void check_rewritten(const ProxyHeader& header) {
  if (header.source.empty()) return;
  const std::string again = proxy_line(header);
  const ProxyOutcome outcome = read_proxy_header(again, ProxyMode::v1, true);
  require(outcome.header == header && outcome.size == again.size(), "written as a line it means the same");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): the name is libFuzzer's
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Input input(data, size);
  const std::uint8_t flags = input.byte();
  const ProxyMode mode = (flags & 3) == 1   ? ProxyMode::v1
                         : (flags & 3) == 2 ? ProxyMode::v2
                                            : ProxyMode::either;
  const bool allowed = (flags & 4) == 0;
  const std::vector<std::size_t> ends = three_splits(input, size < 4 ? 0 : size - 4);
  const std::string_view bytes = input.rest();

  const ProxyOutcome whole = read_proxy_in_pieces(bytes, {}, mode, allowed);
  require(same(read_proxy_byte_by_byte(bytes, mode, allowed), whole), "byte by byte means the same");
  require(same(read_proxy_in_pieces(bytes, ends, mode, allowed), whole), "in pieces means the same");
  require(whole.size <= bytes.size(), "no more is taken than there is");
  const ProxyOutcome reference = read_proxy_by_reference(bytes, mode, allowed);
  require(whole.status == reference.status, "both decide the same");
  require(whole.header == reference.header && whole.size == reference.size, "both understand the same");
  require(whole.refusal.status == reference.refusal.status, "both refuse with the same status");
  if (whole.status == ProxyOutcome::Status::complete) check_rewritten(whole.header);
  return 0;
}
