// SPDX-License-Identifier: MIT
#include "tests/unit/http/http_driver.h"

#include <cstdio>
#include <cstring>
#include <memory>
#include <numeric>

namespace gserve::http::test {
namespace {

/// The prefix sizes to feed: each of `ends` that is smaller than the whole, then the whole.
std::vector<std::size_t> steps(const std::vector<std::size_t>& ends, std::size_t whole) {
  std::vector<std::size_t> sizes;
  for (const std::size_t end : ends) {
    if (end < whole) sizes.push_back(end);
  }
  sizes.push_back(whole);
  return sizes;
}

std::vector<std::size_t> every_end(std::size_t whole) {
  std::vector<std::size_t> ends(whole);
  std::iota(ends.begin(), ends.end(), std::size_t{0});
  return ends;
}

std::unique_ptr<char[]> exact_copy(std::string_view bytes) {
  std::unique_ptr<char[]> copy(new char[bytes.size()]);
  if (!bytes.empty()) std::memcpy(copy.get(), bytes.data(), bytes.size());
  return copy;
}

Outcome outcome_of(const RequestParser& parser, RequestParser::Status status) {
  Outcome out;
  out.status = status;
  if (status == RequestParser::Status::refused) {
    out.refusal = parser.refusal().status;
    out.reason = parser.refusal().reason;
  }
  if (status != RequestParser::Status::complete) return out;
  const RequestHead& head = parser.head();
  out.head_size = parser.head_size();
  out.line = head.line;
  out.method = head.method;
  out.target = head.target;
  out.path = head.path;
  out.query = head.query;
  out.minor_version = head.minor_version;
  for (const Field& field : head.fields) out.fields.emplace_back(field.name, field.value);
  out.keep_alive = head.keep_alive;
  out.expect_continue = head.expect_continue;
  out.chunked = head.chunked;
  out.content_length = head.content_length;
  return out;
}

}  // namespace

Outcome parse_in_pieces(std::string_view bytes, const std::vector<std::size_t>& ends, Limits limits,
                        Buffer buffer, Leniency leniency) {
  RequestParser parser(limits, leniency);
  std::unique_ptr<char[]> memory = exact_copy(bytes);
  for (const std::size_t size : steps(ends, bytes.size())) {
    if (buffer == Buffer::moves) memory = exact_copy(bytes.substr(0, size));
    const RequestParser::Status status = parser.parse({memory.get(), size});
    if (status != RequestParser::Status::need_more) return outcome_of(parser, status);
  }
  return {};
}

Outcome parse_whole(std::string_view bytes, Limits limits, Leniency leniency) {
  return parse_in_pieces(bytes, {}, limits, Buffer::moves, leniency);
}

Outcome parse_byte_by_byte(std::string_view bytes, Limits limits, Buffer buffer, Leniency leniency) {
  return parse_in_pieces(bytes, every_end(bytes.size()), limits, buffer, leniency);
}

std::string render(const Outcome& outcome) {
  std::string out =
      outcome.method + ' ' + outcome.target + " HTTP/1." + std::to_string(outcome.minor_version) + "\r\n";
  for (const auto& [name, value] : outcome.fields) out.append(name).append(": ").append(value).append("\r\n");
  return out + "\r\n";
}

Body decode_in_pieces(BodyDecoder decoder, std::string_view bytes, const std::vector<std::size_t>& ends) {
  Body out;
  for (const std::size_t end : steps(ends, bytes.size())) {
    const std::size_t size = end - out.consumed;
    const std::unique_ptr<char[]> memory = exact_copy(bytes.substr(out.consumed, size));
    std::string_view rest(memory.get(), size);
    while (true) {
      const BodyDecoder::Step step = decoder.decode(rest);
      out.status = step.status;
      out.data.append(step.data);
      if (step.status == BodyDecoder::Status::refused) {
        return {step.status, decoder.refusal().status, std::string(decoder.refusal().reason), out.data, 0};
      }
      out.consumed += step.consumed;
      if (step.status == BodyDecoder::Status::complete) return out;
      if (step.consumed == 0) break;
      rest.remove_prefix(step.consumed);
    }
  }
  return out;
}

Body decode_byte_by_byte(BodyDecoder decoder, std::string_view bytes) {
  return decode_in_pieces(decoder, bytes, every_end(bytes.size()));
}

BodyDecoder chunked_decoder(std::uint64_t limit) {
  RequestHead head;
  head.chunked = true;
  return BodyDecoder(head, limit);
}

BodyDecoder length_decoder(std::uint64_t length) {
  RequestHead head;
  head.content_length = length;
  return BodyDecoder(head);
}

std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && c != '\\') {
      out += c;
    } else {
      char hex[5];
      std::snprintf(hex, sizeof hex, "\\x%02x", byte);
      out += hex;
    }
  }
  return out;
}

std::ostream& operator<<(std::ostream& out, const Outcome& outcome) {
  if (outcome.status == RequestParser::Status::need_more) return out << "need more";
  if (!outcome.accepted()) return out << "refused with " << outcome.refusal << " (" << outcome.reason << ")";
  out << "accepted " << outcome.head_size << " bytes: " << escaped(outcome.line)
      << " path=" << escaped(outcome.path) << " query=" << escaped(outcome.query)
      << " keep_alive=" << outcome.keep_alive << " chunked=" << outcome.chunked;
  if (outcome.content_length) out << " length=" << *outcome.content_length;
  for (const auto& [name, value] : outcome.fields)
    out << " [" << escaped(name) << '=' << escaped(value) << ']';
  return out;
}

std::ostream& operator<<(std::ostream& out, const Body& body) {
  return out << "status " << static_cast<int>(body.status) << " refusal " << body.refusal << " ("
             << body.reason << ") consumed " << body.consumed << " data \"" << escaped(body.data) << '"';
}

}  // namespace gserve::http::test
