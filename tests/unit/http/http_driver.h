// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <optional>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "worker/http/body_decoder.h"
#include "worker/http/request.h"
#include "worker/http/request_parser.h"

/// Drives parser and decoder the way a connection does, and copies what came out into values that can be
/// compared.
namespace gserve::http::test {

/// What a parser made of some bytes. For need_more and refused the head is left empty.
struct Outcome {
  RequestParser::Status status = RequestParser::Status::need_more;
  int refusal = 0;
  std::string reason;
  std::size_t head_size = 0;
  std::string line, method, target, path, query;
  int minor_version = 1;
  std::vector<std::pair<std::string, std::string>> fields;
  bool keep_alive = false, expect_continue = false, chunked = false;
  std::optional<std::uint64_t> content_length;

  bool accepted() const { return status == RequestParser::Status::complete; }
  bool operator==(const Outcome&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Outcome& outcome);

/// How the buffer behaves between two calls.
enum class Buffer { stays, moves };

/// Feeds the prefixes of `bytes` that end at each of `ends` (ascending), then all of it. Stops at the first
/// outcome. Each call sees a heap block of exactly the bytes that it may read, so that a sanitizer catches
/// one too many.
Outcome parse_in_pieces(std::string_view bytes, const std::vector<std::size_t>& ends, Limits limits = {},
                        Buffer buffer = Buffer::moves, Leniency leniency = {});
Outcome parse_whole(std::string_view bytes, Limits limits = {}, Leniency leniency = {});
Outcome parse_byte_by_byte(std::string_view bytes, Limits limits = {}, Buffer buffer = Buffer::moves,
                           Leniency leniency = {});

/// A request with these bytes again, written plainly from what was understood.
std::string render(const Outcome& outcome);

/// What a decoder made of some bytes.
struct Body {
  BodyDecoder::Status status = BodyDecoder::Status::need_more;
  int refusal = 0;
  std::string reason;
  std::string data;
  std::size_t consumed = 0;  // for need_more and complete

  bool operator==(const Body&) const = default;
};
std::ostream& operator<<(std::ostream& out, const Body& body);

/// Feeds `bytes` in runs that end at each of `ends` (ascending), then the rest.
Body decode_in_pieces(BodyDecoder decoder, std::string_view bytes, const std::vector<std::size_t>& ends);
Body decode_byte_by_byte(BodyDecoder decoder, std::string_view bytes);
BodyDecoder chunked_decoder(std::uint64_t limit = 0);
BodyDecoder length_decoder(std::uint64_t length);

/// `text` with everything unprintable escaped, for messages.
std::string escaped(std::string_view text);

}  // namespace gserve::http::test
