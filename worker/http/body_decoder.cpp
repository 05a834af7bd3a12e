// SPDX-License-Identifier: MIT
#include "worker/http/body_decoder.h"

#include <algorithm>
#include <limits>

#include "worker/http/tokens.h"

namespace gserve::http {

BodyDecoder::BodyDecoder(const RequestHead& head, std::uint64_t limit)
    : allowance_(limit == 0 ? std::numeric_limits<std::uint64_t>::max() : limit) {
  if (head.chunked) {
    state_ = State::chunk_size;
  } else if (head.content_length.value_or(0) > 0) {
    state_ = State::length;
    remaining_ = *head.content_length;
  }
}

BodyDecoder::Step BodyDecoder::decode(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size() && state_ != State::done && state_ != State::refused) {
    if (state_ == State::length || state_ == State::chunk_data) {
      const std::string_view data = take_data(input.substr(at));
      return {status(), at + data.size(), data};
    }
    take(input[at++]);
  }
  return {status(), at, {}};
}

BodyDecoder::Status BodyDecoder::status() const {
  if (state_ == State::done) return Status::complete;
  return state_ == State::refused ? Status::refused : Status::need_more;
}

std::string_view BodyDecoder::take_data(std::string_view input) {
  const std::string_view data =
      input.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(remaining_, input.size())));
  remaining_ -= data.size();
  if (remaining_ == 0) state_ = state_ == State::length ? State::done : State::chunk_data_cr;
  return data;
}

/// One byte of what is not body.
void BodyDecoder::take(char c) {
  switch (state_) {
    case State::chunk_size:
      return take_size(c);
    case State::chunk_extension:
      return take_extension(c);
    case State::chunk_size_lf:
      return take_size_end(c);
    case State::chunk_data_cr:
      return expect(c, '\r', State::chunk_data_lf, "chunk longer than its size");
    case State::chunk_data_lf:
      digits_ = 0;
      return expect(c, '\n', State::chunk_size, "chunk longer than its size");
    case State::trailer_start:
    case State::trailer_name:
    case State::trailer_value:
      return take_trailer(c);
    case State::trailer_lf:
      return expect(c, '\n', State::trailer_start, "CR without LF in a trailer field");
    case State::end_lf:
      return expect(c, '\n', State::done, "CR without LF after the last chunk");
    case State::length:
    case State::chunk_data:
    case State::done:
    case State::refused:
      return;
  }
}

void BodyDecoder::take_size(char c) {
  if (const int value = hex_value(c); value >= 0) {
    if (++digits_ > kMaxSizeDigits) return refuse(400, "chunk size too long");
    remaining_ = remaining_ * 16 + static_cast<std::uint64_t>(value);
  } else if (digits_ == 0 || (c != '\r' && c != ';')) {
    refuse(400, "invalid chunk size");
  } else {
    state_ = c == '\r' ? State::chunk_size_lf : State::chunk_extension;
  }
}

void BodyDecoder::take_size_end(char c) {
  expect(c, '\n', remaining_ == 0 ? State::trailer_start : State::chunk_data,
         "CR without LF after a chunk size");
  overhead_ = 0;
  if (state_ != State::chunk_data) return;
  if (remaining_ > allowance_) return refuse(413, "request body too large");
  allowance_ -= remaining_;
}

void BodyDecoder::take_extension(char c) {
  if (c == '\r') {
    state_ = State::chunk_size_lf;
  } else if (is_forbidden_control(c)) {
    refuse(400, "control character in a chunk extension");
  } else if (++overhead_ > kMaxExtension) {
    refuse(400, "chunk extension too long");
  }
}

/// The part of a trailer section up to the CR of a line.
void BodyDecoder::take_trailer(char c) {
  if (++overhead_ > kMaxTrailers) return refuse(431, "trailer fields too large");
  if (state_ == State::trailer_value) {
    if (c == '\r') {
      state_ = State::trailer_lf;
    } else if (is_forbidden_control(c)) {
      refuse(400, "control character in a trailer field");
    }
  } else if (is_token_char(c)) {
    state_ = State::trailer_name;
  } else if (state_ == State::trailer_start && c == '\r') {
    state_ = State::end_lf;
  } else if (state_ == State::trailer_name && c == ':') {
    state_ = State::trailer_value;
  } else {
    refuse(400, "invalid trailer field name");
  }
}

void BodyDecoder::expect(char c, char wanted, State next, std::string_view reason) {
  if (c != wanted) return refuse(400, reason);
  state_ = next;
}

void BodyDecoder::refuse(int status, std::string_view reason) {
  refusal_ = {status, reason};
  state_ = State::refused;
}

}  // namespace gserve::http
