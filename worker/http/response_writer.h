// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "worker/http/request.h"

namespace gserve::http {

/// Makes one response's bytes: checks the application's status and fields, decides the framing (RFC
/// 9112, 6.3) and whether the connection stays. Sans I/O. Used on one thread at a time.
///
/// The status line always says HTTP/1.1 (RFC 9110, 6.2: the server's own version), and Connection is always
/// explicit, as in gunicorn. A response is chunked only for HTTP/1.1 and without a Content-Length; for
/// HTTP/1.0 the end of the connection ends it.
class ResponseWriter {
 public:
  struct Request {      // the facts of the request that the framing depends on
    bool head = false;  // HEAD: no body
    int minor_version = 1;
    bool keep_alive = true;
  };

  explicit ResponseWriter(Request request) : request_(request) {}

  /// Starts over for another request; buffers keep their memory.
  void reset(Request request);

  /// Checks and keeps `status` ("200 OK") and the fields. Returns nullptr when all is well, else what is
  /// wrong as a literal: the status is three digits from 100 on and a reason, names are tokens, there are no
  /// control characters other than HTAB, Content-Length is 1 to 18 digits and single, hop-by-hop fields are
  /// refused (PEP 3333). One of these is honoured: `Connection: close`. May be called again (exc_info) until
  /// the head was made; after an error nothing is started.
  const char* start(std::string_view status, std::span<const Field> fields);

  /// Appends the head to `out`: the status line, the application's fields, Server, `date` (a whole
  /// IMF-fixdate), Connection and the framing. `whole_body` is the body's size when it is known to be
  /// complete: a missing Content-Length is then added instead of chunking.
  void make_head(std::string& out, std::string_view date, std::optional<std::uint64_t> whole_body);

  /// How `size` bytes of body are put on the wire.
  struct Frame {
    std::size_t send;         // so many of the bytes go out: 0 for HEAD, 204, 304; cut at Content-Length
    std::string_view before;  // chunk size line, or empty; valid until the next call
    std::string_view after;   // the chunk's CRLF, or empty
  };
  Frame frame(std::size_t size);

  /// What ends the body: the last chunk, or nothing.
  std::string_view end() const;
  /// After the last byte: true if fewer bytes were sent than Content-Length promised; the connection must
  /// then close.
  bool short_of_length() const;

  bool started() const { return !status_.empty(); }
  bool head_made() const { return head_made_; }
  /// Whether the connection may serve another request after this response. True only once the head was made.
  bool keeps_alive() const { return keep_alive_; }
  /// Asks that the response says `Connection: close` (draining); before make_head.
  void forbid_keep_alive() { request_.keep_alive = false; }
  int status_code() const { return code_; }
  std::uint64_t body_sent() const { return sent_; }

 private:
  const char* take_fields(std::span<const Field> fields);
  const char* take_field(const Field& field);
  const char* take_own(const Field& field, bool& append);
  bool bodiless_status() const { return code_ < 200 || code_ == 204 || code_ == 304; }
  void decide_framing(std::optional<std::uint64_t> whole_body);
  void forget_start();

  Request request_;
  std::string status_;
  std::string fields_;  // serialized, without those that make_head writes itself
  int code_ = 0;
  bool head_made_ = false;
  bool keep_alive_ = false;
  bool chunked_ = false;
  bool no_body_ = false;
  bool has_date_ = false;
  bool has_server_ = false;
  bool close_ = false;  // the application said Connection: close
  std::optional<std::uint64_t> length_;
  std::uint64_t sent_ = 0;
  char size_line_[20] = {};
};

/// What is wrong with a response's field by itself, as a literal; nullptr if nothing is.
const char* field_problem(const Field& field);

/// Appends a whole `103 Early Hints` (RFC 8297) to `out`, or returns what is wrong with the fields as a
/// literal.
const char* append_early_hints(std::string& out, std::span<const Field> fields);

/// A complete small response for a refused request: status, reason phrase, plain HTML body as gunicorn's with
/// `reason` escaped, and `Connection: close`. `date` as in make_head; none if empty.
std::string error_response(int status, std::string_view reason, std::string_view date = {});

/// The standard reason phrase (RFC 9110, 15), "Unknown" otherwise.
std::string_view reason_phrase(int status);

}  // namespace gserve::http
