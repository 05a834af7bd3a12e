// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "worker/http/request.h"

namespace gserve::http {

/// Takes a request's body off the wire: Content-Length or chunked (RFC 9112, 6 and 7). Sans I/O, no
/// allocation.
///
/// Chunk sizes have 1 to 15 hexadecimal digits, then `;` or CRLF; extensions are bounded and ignored; trailer
/// fields are checked, bounded and dropped (RFC 9110, 6.5.1 allows no merging without knowing the field). A
/// chunk that would make the body larger than allowed is refused by its size, before its data.
class BodyDecoder {
 public:
  enum class Status { need_more, complete, refused };

  /// One step's result: `consumed` bytes of input are done with; of these, `data` (a view into the input) is
  /// body.
  struct Step {
    Status status;
    std::size_t consumed;
    std::string_view data;
  };

  static constexpr std::uint32_t kMaxSizeDigits = 15;
  static constexpr std::uint32_t kMaxExtension = 1024;  // bytes per chunk
  static constexpr std::uint32_t kMaxTrailers = 8190;   // bytes of all trailer fields together

  /// For a request without a body: complete at once.
  BodyDecoder() = default;
  /// For a head that parsed; `limit`: Limits::request_body, for what Content-Length does not say beforehand.
  explicit BodyDecoder(const RequestHead& head, std::uint64_t limit = 0);

  /// Decodes the next run of `input`. Call again with the rest while it consumes; need_more with consumed 0
  /// means that more bytes must arrive. After complete, what is left of the input is the next request.
  Step decode(std::string_view input);

  const Refusal& refusal() const { return refusal_; }

 private:
  enum class State : std::uint8_t {
    length,
    chunk_size,
    chunk_extension,
    chunk_size_lf,
    chunk_data,
    chunk_data_cr,
    chunk_data_lf,
    trailer_start,
    trailer_name,
    trailer_value,
    trailer_lf,
    end_lf,
    done,
    refused
  };

  void take(char c);
  void take_size(char c);
  void take_extension(char c);
  void take_trailer(char c);
  void take_size_end(char c);
  void expect(char c, char wanted, State next, std::string_view reason);
  void refuse(int status, std::string_view reason);
  std::string_view take_data(std::string_view input);
  Status status() const;

  State state_ = State::done;
  std::uint64_t remaining_ = 0;  // of the body, or of the current chunk
  std::uint64_t allowance_ = 0;  // what chunks may still have together
  std::uint32_t digits_ = 0;     // of the chunk size seen
  std::uint32_t overhead_ = 0;   // bytes of the chunk's extension, or of all trailers, seen; bounded
  Refusal refusal_;
};

}  // namespace gserve::http
