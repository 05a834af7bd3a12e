// SPDX-License-Identifier: MIT
// Time per request of the parser, body decoder and response writer, best of several rounds. Build with
// optimization (the release preset) and compare on one quiet machine only.
#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

#include "worker/http/body_decoder.h"
#include "worker/http/request_parser.h"
#include "worker/http/response_writer.h"

namespace {

using namespace gserve::http;

constexpr int kRounds = 300;  // many short ones, so that some run undisturbed
constexpr int kRequests = 5000;

constexpr std::string_view kSmall = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8000\r\n\r\n";

constexpr std::string_view kBrowser =
    "GET /articles/2024/05/a-page-with-a-long-name.html?ref=front&utm_source=feed HTTP/1.1\r\n"
    "Host: www.example.org\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 "
    "Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Referer: https://www.example.org/index.html\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n"
    "Cookie: sessionid=0123456789abcdefghijklmnopqrstuv; csrftoken=ABCDEFGHIJKLMNOPQRSTUVWXYZ01234567; "
    "consent=1\r\n"
    "\r\n";

/// Nanoseconds per call of `work`, the best round: what the machine's other load does not add to.
template <typename Work>
double nanoseconds(Work work) {
  double best = 1e18;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < kRequests; ++i) work();
    const std::chrono::duration<double, std::nano> took = std::chrono::steady_clock::now() - start;
    best = std::min(best, took.count() / kRequests);
  }
  return best;
}

std::uint64_t g_sum = 0;  // printed at the end, so that no work can be optimized away

void report(const char* name, std::size_t bytes, double ns) {
  std::printf("%-28s %6zu B %9.1f ns\n", name, bytes, ns);
}

void bench_parser(const char* name, std::string_view bytes) {
  RequestParser parser;
  report(name, bytes.size(), nanoseconds([&] {
           parser.reset();
           g_sum += static_cast<std::uint64_t>(parser.parse(bytes)) + parser.head().fields.size();
         }));
}

void bench_chunked() {
  const std::string data(1000, 'x');
  const std::string bytes = "3e8\r\n" + data + "\r\n0\r\n\r\n";
  RequestHead head;
  head.chunked = true;
  report("chunked body", bytes.size(), nanoseconds([&] {
           BodyDecoder decoder(head);
           std::string_view rest = bytes;
           BodyDecoder::Step step{};
           do {
             step = decoder.decode(rest);
             rest.remove_prefix(step.consumed);
             g_sum += step.data.size();
           } while (step.status == BodyDecoder::Status::need_more);
         }));
}

void bench_writer() {
  const Field fields[] = {{"Content-Type", "text/html; charset=utf-8"}, {"Content-Length", "12"}};
  ResponseWriter writer(ResponseWriter::Request{});
  std::string out;
  const auto work = [&] {
    writer.reset(ResponseWriter::Request{});
    out.clear();
    g_sum += writer.start("200 OK", fields) == nullptr;
    writer.make_head(out, "Sun, 06 Nov 1994 08:49:37 GMT", 12);
    g_sum += writer.frame(12).send;
  };
  work();
  report("response head", out.size(), nanoseconds(work));
}

}  // namespace

int main() {
  bench_parser("small request", kSmall);
  bench_parser("browser's request", kBrowser);
  bench_chunked();
  bench_writer();
  std::printf("(%llu)\n", static_cast<unsigned long long>(g_sum));
}
