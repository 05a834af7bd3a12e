// SPDX-License-Identifier: MIT
#include "worker/net/access_json.h"

#include <array>

#include "worker/net/log_text.h"

namespace gserve::net {
namespace {

/// Writes the members of one object.
class JsonLine {
 public:
  JsonLine(std::string& out, std::size_t most) : out_(out), most_(most) {}

  void text(std::string_view key, std::string_view value) {
    out_ += key;
    append_json_string(out_, value.substr(0, most_));
    cut_ = cut_ || value.size() > most_;
  }
  /// null for what is not there.
  void optional_text(std::string_view key, std::optional<std::string_view> value) {
    if (value) return text(key, *value);
    out_ += key;
    out_ += "null";
  }
  void number(std::string_view key, std::int64_t value) {
    out_ += key;
    append_number(out_, value);
  }
  bool cut() const { return cut_; }

 private:
  std::string& out_;
  const std::size_t most_;
  bool cut_ = false;
};

std::optional<std::string_view> unless_empty(std::string_view text) {
  return text.empty() ? std::nullopt : std::optional(text);
}

void append_time(std::string& out, const AccessRecord& record) {
  const auto digit = [&](int place) { return static_cast<char>('0' + record.milliseconds / place % 10); };
  out += R"({"time":")";
  out += record.time;
  out += {'.', digit(100), digit(10), digit(1), 'Z', '"'};
}

}  // namespace

void append_json_line(std::string& out, const AccessRecord& record, std::string_view constants,
                      std::size_t most) {
  const http::RequestHead& head = record.head;
  JsonLine line(out, most);
  append_time(out, record);
  line.optional_text(R"(,"remote_addr":)", unless_empty(record.peer.address));
  line.optional_text(R"(,"user":)", unless_empty(basic_user(head)));
  line.text(R"(,"method":)", head.method);
  line.text(R"(,"path":)", head.path);
  line.text(R"(,"query":)", head.query);
  line.text(R"(,"protocol":)", head.version());
  line.optional_text(R"(,"host":)", first_field(head, "Host"));
  line.number(R"(,"status":)", record.status);
  line.number(R"(,"bytes":)", static_cast<std::int64_t>(record.body_size));
  line.number(R"(,"duration_us":)", record.microseconds);
  line.optional_text(R"(,"referer":)", first_field(head, "Referer"));
  line.optional_text(R"(,"user_agent":)", first_field(head, "User-Agent"));
  out += constants;
  out += line.cut() ? R"(,"truncated":true})" : "}";
}

}  // namespace gserve::net
