// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/unit/http/http_driver.h"
#include "worker/http/response_writer.h"

namespace gserve::http::test {
namespace {

/// What a client reads from the bytes of a response, by the rules of RFC 9112, 6.3.
struct Received {
  std::string status_line;
  std::vector<std::pair<std::string, std::string>> fields;
  std::map<std::string, std::string> framing;  // Connection, Content-Length, Transfer-Encoding
  std::string body;
  bool whole = true;  // everything that was promised came, and nothing more
};

/// Cuts the lines of the head off `bytes`.
std::vector<std::string> cut_lines(std::string& bytes) {
  std::vector<std::string> lines;
  while (true) {
    const std::size_t end = bytes.find("\r\n");
    RC_ASSERT(end != bytes.npos);
    lines.push_back(bytes.substr(0, end));
    bytes.erase(0, end + 2);
    if (lines.back().empty()) return lines;
  }
}

Received receive(std::string bytes, bool no_body) {
  Received out;
  const std::vector<std::string> lines = cut_lines(bytes);
  out.status_line = lines.front();
  for (std::size_t i = 1; i + 1 < lines.size(); ++i) {
    const std::size_t colon = lines[i].find(": ");
    RC_ASSERT(colon != lines[i].npos);
    const std::string name = lines[i].substr(0, colon), value = lines[i].substr(colon + 2);
    if (name == "Connection" || name == "Content-Length" || name == "Transfer-Encoding") {
      RC_ASSERT(out.framing.emplace(name, value).second);
    } else {
      out.fields.emplace_back(name, value);
    }
  }
  out.body = bytes;
  if (no_body) {
    out.whole = bytes.empty();
  } else if (out.framing.count("Transfer-Encoding") != 0) {
    const Body body = decode_in_pieces(chunked_decoder(), bytes, {});
    out.whole = body.status == BodyDecoder::Status::complete && body.consumed == bytes.size();
    out.body = body.data;
  } else if (out.framing.count("Content-Length") != 0) {
    out.whole = bytes.size() == std::stoull(out.framing["Content-Length"]);
  }
  return out;
}

rc::Gen<std::string> text(std::string_view alphabet) {
  return rc::gen::container<std::string>(rc::gen::elementOf(std::string(alphabet)));
}

std::string send(ResponseWriter& writer, const std::vector<std::string>& parts,
                 std::optional<std::uint64_t> whole) {
  std::string out;
  writer.make_head(out, "date", whole);
  for (const std::string& part : parts) {
    const ResponseWriter::Frame frame = writer.frame(part.size());
    out.append(frame.before).append(part, 0, frame.send).append(frame.after);
  }
  return out.append(writer.end());
}

RC_GTEST_PROP(ResponseProperty, AClientReadsBackWhatTheApplicationSent,
              (const std::vector<std::string>& parts)) {
  std::string body;
  for (const std::string& part : parts) body += part;
  const ResponseWriter::Request request{*rc::gen::arbitrary<bool>(), *rc::gen::inRange(0, 2),
                                        *rc::gen::arbitrary<bool>()};
  const auto status =
      *rc::gen::element<std::string>("200 OK", "204 No Content", "304 Not Modified", "500 Oops", "404");
  const auto names = *rc::gen::container<std::vector<std::string>>(rc::gen::nonEmpty(text("aZ09-_!")));
  const std::string value = *text("aZ0 \t:,;\xe4\xff");
  std::vector<Field> fields;
  for (const std::string& name : names) fields.push_back({name, value});
  const auto length = *rc::gen::maybe(rc::gen::inRange<std::size_t>(0, body.size() + 5));
  const std::string length_text = length ? std::to_string(*length) : "";
  if (length) fields.push_back({"Content-Length", length_text});

  ResponseWriter writer(request);
  RC_ASSERT(writer.start(status, fields) == nullptr);
  const auto whole = *rc::gen::arbitrary<bool>() ? std::optional<std::uint64_t>(body.size()) : std::nullopt;
  const std::string bytes = send(writer, parts, whole);
  const bool no_body = request.head || status.substr(0, 3) == "204" || status.substr(0, 3) == "304";
  const Received received = receive(bytes, no_body);

  RC_ASSERT(received.status_line.substr(0, 12) == "HTTP/1.1 " + status.substr(0, 3));
  RC_ASSERT(received.fields.size() == names.size() + 2);  // Server and Date
  RC_ASSERT(received.framing.count("Content-Length") + received.framing.count("Transfer-Encoding") <= 1u);
  RC_ASSERT((received.framing.at("Connection") == "keep-alive") == writer.keeps_alive());
  RC_ASSERT(request.minor_version == 1 || received.framing.count("Transfer-Encoding") == 0u);
  // A response is whole, or the server knows that it is not and closes.
  RC_ASSERT(received.whole != writer.short_of_length());
  const std::string expected = no_body ? "" : body.substr(0, length ? *length : body.size());
  RC_ASSERT(received.body == expected);
  RC_ASSERT(writer.body_sent() == expected.size());
  // Without framing only the connection's end can end the body.
  RC_ASSERT(no_body || received.framing.size() > 1 || !writer.keeps_alive());
}

RC_GTEST_PROP(ResponseProperty, NoFieldCanBreakOutOfItsLine, ()) {
  const std::string_view alphabet("aZ09-: \t\r\n\0\x7f\xff", 13);
  const std::string name = *text(alphabet), value = *text(alphabet);
  ResponseWriter writer(ResponseWriter::Request{});
  const Field fields[] = {{name, value}};
  const bool taken = writer.start("200 OK", fields) == nullptr;
  const auto wrong = [](char c) { return c == '\r' || c == '\n' || c == '\0' || c == '\x7f'; };
  const bool dangerous = name.empty() || std::any_of(name.begin(), name.end(), wrong) ||
                         std::any_of(value.begin(), value.end(), wrong);
  RC_CLASSIFY(taken, "taken");
  if (!taken) return;
  RC_ASSERT(!dangerous);
  std::string out;
  writer.make_head(out, "date", 0);
  RC_ASSERT(std::count(out.begin(), out.end(), '\n') == 7);
  RC_ASSERT(std::count(out.begin(), out.end(), '\r') == 7);
}

}  // namespace
}  // namespace gserve::http::test
