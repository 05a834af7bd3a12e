// SPDX-License-Identifier: MIT
#include "bench/http/storm/plan.h"

#include <algorithm>
#include <charconv>

namespace storm {
namespace {

using Random = std::mt19937_64;

std::size_t below(Random& random, std::size_t limit) {
  return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
}

bool one_in(Random& random, std::size_t n) {
  return below(random, n) == 0;
}

/// Every magnitude: empty, within a packet, beyond the socket's and the server's buffers.
std::size_t any_size(Random& random) {
  const std::size_t kind = below(random, 1000);
  if (kind < 100) return 0;
  if (kind < 900) return below(random, 2000);
  if (kind < 990) return below(random, 20000);
  if (kind < 998) return below(random, 200000);
  return below(random, kLargest + 1);
}

void add_chunked(std::string& out, std::string_view body, Random& random) {
  out += "Transfer-Encoding: chunked\r\n\r\n";
  while (!body.empty()) {
    const std::string_view chunk = body.substr(0, 1 + below(random, body.size()));
    char size[16];
    out.append(size, std::to_chars(size, size + sizeof size, chunk.size(), 16).ptr).append("\r\n");
    out.append(chunk).append("\r\n");
    body.remove_prefix(chunk.size());
  }
  out += "0\r\n\r\n";
}

void add_request(Plan& plan, Random& random) {
  const std::size_t size = any_size(random);
  if (!one_in(random, 4)) {
    plan.bytes += "GET /" + std::to_string(size) + " HTTP/1.1\r\nHost: storm\r\n\r\n";
    return plan.answers.push_back(pattern(size));
  }
  const std::string_view body = pattern(size, static_cast<unsigned char>(random()));
  plan.bytes += "POST / HTTP/1.1\r\nHost: storm\r\n";
  if (one_in(random, 3)) {
    add_chunked(plan.bytes, body, random);
  } else {
    plan.bytes.append("Content-Length: " + std::to_string(size) + "\r\n\r\n").append(body);
  }
  plan.answers.push_back(body);
}

void add_abort(Plan& plan, Random& random) {
  if (one_in(random, 2)) {
    plan.stop_sending = static_cast<std::int64_t>(below(random, plan.bytes.size()));
    return;
  }
  std::size_t answers = 0;
  for (const std::string_view answer : plan.answers) answers += answer.size();
  plan.stop_reading = static_cast<std::int64_t>(below(random, answers + 1));
}

std::string make_pattern() {
  std::string text(kLargest + 256, '\0');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>(i & 0xff);
  return text;
}

}  // namespace

std::string_view pattern(std::size_t size, unsigned char start) {
  static const std::string kPattern = make_pattern();
  return std::string_view(kPattern).substr(start, size);
}

Plan make_plan(Random& random) {
  Plan plan;
  const std::size_t requests = one_in(random, 3) ? 2 + below(random, 7) : 1;
  for (std::size_t i = 0; i < requests; ++i) add_request(plan, random);
  if (one_in(random, 200)) add_abort(plan, random);
  plan.reconnect = one_in(random, 100);
  return plan;
}

}  // namespace storm
