// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "worker/http/request.h"

namespace gserve::http {

/// Takes a request's body off the wire: Content-Length or chunked (RFC 9112, 6 and 7). Sans I/O, no allocation.
class BodyDecoder {
 public:
  enum class Status { need_more, complete, refused };

  /// One step's result: `consumed` bytes of input are done with; of these, `data` (a view into the input) is body.
  struct Step {
    Status status;
    std::size_t consumed;
    std::string_view data;
  };

  BodyDecoder() = default;
  /// For a head that parsed.
  explicit BodyDecoder(const RequestHead& head);

  /// Decodes the next run of `input`. Call again with the rest while it consumes; need_more with consumed 0 means
  /// that more bytes must arrive. After complete, what is left of the input is the next request.
  Step decode(std::string_view input);

  const Refusal& refusal() const { return refusal_; }

 private:
  enum class State : std::uint8_t { length, chunk_size, chunk_extension, chunk_size_lf, chunk_data, chunk_data_cr,
                                    chunk_data_lf, trailers, done, refused };
  State state_ = State::done;
  std::uint64_t remaining_ = 0;
  std::uint32_t digits_ = 0;
  std::uint32_t overhead_ = 0;  // bytes of the extension or trailers seen, bounded
  Refusal refusal_;
};

}  // namespace gserve::http
