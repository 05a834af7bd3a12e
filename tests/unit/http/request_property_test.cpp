// SPDX-License-Identifier: MIT
#include <gtest/gtest.h>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/unit/http/http_driver.h"
#include "tests/unit/http/reference_parser.h"

namespace gserve::http::test {
namespace {

/// Lines that pass in (nearly) any request, and lines that decide something or are wrong.
const std::vector<std::string> kPlainFields = {"Accept: */*",
                                               "User-Agent: x \t y",
                                               "Empty:",
                                               "X_Y: 1",
                                               "Cookie: a=b; c=\xe4",
                                               "Connection: close",
                                               "Connection: keep-alive, x",
                                               "Expect: 100-continue"};
const std::vector<std::string> kTellingFields = {"Host: a",
                                                 "host: b:80",
                                                 "Host: c d",
                                                 "Host:",
                                                 "Host: [::1]:8000",
                                                 "Expect: x",
                                                 "Content-Length: 5",
                                                 "Content-Length: 05",
                                                 "Content-Length: 5,5",
                                                 "Content-Length: -1",
                                                 "Transfer-Encoding: chunked",
                                                 "Transfer-Encoding: gzip, chunked",
                                                 "transfer-encoding:\tCHUNKED ",
                                                 "Content-Type: a/b",
                                                 "Bad name: x",
                                                 " folded"};
const std::vector<std::string> kPlainTargets = {"/",         "/a/b?c=d",     "/?",        "//x",
                                                "/\xc3\xa4", "http://x/y?z", "https://x", "HTTP://x:1?q"};
const std::vector<std::string> kTellingTargets = {"*",           "/a#b", "x:80",        "http://",
                                                  "http://u@x/", "a",    "http://[::1]"};
const std::vector<std::string> kPlainStarts = {"GET", "POST", "OPTIONS", "M-SEARCH"};
const std::vector<std::string> kTellingStarts = {"CONNECT", "get", "GE", "\r\nGET"};
const std::vector<std::string> kVersions = {"HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0",
                                            "HTTP/1.0", "HTTP/1.0", "HTTP/1.2"};

rc::Gen<std::string> one_of(const std::vector<std::string>& plain, const std::vector<std::string>& telling) {
  return rc::gen::weightedOneOf<std::string>(
      {{9, rc::gen::elementOf(plain)}, {1, rc::gen::elementOf(telling)}});
}

rc::Gen<std::string> request() {
  return rc::gen::exec([] {
    std::string out = *one_of(kPlainStarts, kTellingStarts) + ' ' + *one_of(kPlainTargets, kTellingTargets) +
                      ' ' + *rc::gen::elementOf(kVersions) + "\r\n";
    out += *one_of({"Host: a\r\n", "Host: b.example:80\r\n"}, {"", "Host: a b\r\n"});
    out +=
        *one_of({"", "Content-Length: 5\r\n", "Transfer-Encoding: chunked\r\n"}, {"Content-Length: x\r\n"});
    for (int i = *rc::gen::inRange(0, 4); i > 0; --i) out += *one_of(kPlainFields, kTellingFields) + "\r\n";
    return out + "\r\n" + *rc::gen::element<std::string>("", "GET / HTTP/1.1\r\n", "body");
  });
}

/// Bytes that mean something to a parser, and one in four of any kind.
rc::Gen<char> byte() {
  const auto special = rc::gen::element('\r', '\n', ' ', '\t', ':', '\0', ',', ';', '/', '?', '#', '0', 'A',
                                        '\x7f', '\x80', '\xff');
  return rc::gen::weightedOneOf<char>({{3, special}, {1, rc::gen::arbitrary<char>()}});
}

void mutate(std::string& bytes) {
  const std::size_t at = *rc::gen::inRange<std::size_t>(0, bytes.size() + 1);
  const std::size_t count = std::min(*rc::gen::inRange<std::size_t>(1, 5), bytes.size() - at);
  switch (*rc::gen::inRange(0, 5)) {
    case 0:
      bytes.erase(at, count);
      break;
    case 1:
      bytes.insert(at, 1, *byte());
      break;
    case 2:
      bytes.insert(at, bytes.substr(at, count));
      break;
    case 3:
      bytes.replace(at, count, count, *byte());
      break;
    default:
      bytes.insert(at,
                   *rc::gen::element<std::string>("\r\n", "\r\n ", "\n\n", "chunked", "Host: a\r\n", "0"));
      break;
  }
}

std::vector<std::size_t> splits(std::size_t size) {
  auto ends = *rc::gen::container<std::vector<std::size_t>>(rc::gen::inRange<std::size_t>(0, size + 1));
  std::sort(ends.begin(), ends.end());
  return ends;
}

std::string mutated_request() {
  std::string bytes = *request();
  for (int i = *rc::gen::element(0, 0, 1, 1, 2, 4); i > 0; --i) mutate(bytes);
  return bytes;
}

RC_GTEST_PROP(RequestProperty, TheOutcomeDoesNotDependOnHowBytesArrive, ()) {
  const std::string bytes = mutated_request();
  const Outcome whole = parse_whole(bytes);
  RC_ASSERT(parse_byte_by_byte(bytes) == whole);
  RC_ASSERT(parse_in_pieces(bytes, splits(bytes.size()), {}, Buffer::stays) == whole);
  RC_ASSERT(parse_in_pieces(bytes, splits(bytes.size()), {}, Buffer::moves) == whole);
}

RC_GTEST_PROP(RequestProperty, NorUnderTightLimits, ()) {
  const std::string bytes = mutated_request();
  const Limits limits{*rc::gen::inRange<std::size_t>(0, 40), *rc::gen::inRange<std::size_t>(0, 4),
                      *rc::gen::inRange<std::size_t>(0, 40)};
  RC_ASSERT(parse_byte_by_byte(bytes, limits) == parse_whole(bytes, limits));
}

Leniency any_leniency() {
  const auto flag = [] { return *rc::gen::arbitrary<bool>(); };
  return {flag(), flag(), flag(), flag(), flag()};
}

RC_GTEST_PROP(RequestProperty, NorWhenRulesAreLoosened, ()) {
  const std::string bytes = mutated_request();
  const Leniency leniency = any_leniency();
  const Limits limits{.field_size = *rc::gen::element<std::size_t>(8190, 20)};
  const Outcome whole = parse_whole(bytes, limits, leniency);
  RC_ASSERT(parse_byte_by_byte(bytes, limits, Buffer::stays, leniency) == whole);
  RC_ASSERT(parse_in_pieces(bytes, splits(bytes.size()), limits, Buffer::moves, leniency) == whole);
}

RC_GTEST_PROP(RequestProperty, LooseRulesChangeNothingAboutWhatIsCorrect, ()) {
  const std::string bytes = mutated_request();
  const Outcome strict = parse_whole(bytes);
  const Outcome loose = parse_whole(bytes, {}, any_leniency());
  RC_ASSERT(!strict.accepted() || loose == strict);
  RC_ASSERT(strict.status != RequestParser::Status::need_more || !loose.accepted());
}

RC_GTEST_PROP(RequestProperty, WhatIsAcceptedIsWhatAPlainImplementationAccepts, ()) {
  const std::string bytes = mutated_request();
  const Outcome outcome = parse_whole(bytes);
  const Outcome reference = parse_by_reference(bytes);
  RC_CLASSIFY(reference.accepted(), "accepted");
  RC_ASSERT(outcome.accepted() == reference.accepted());
  RC_ASSERT(!outcome.accepted() || outcome == reference);
}

RC_GTEST_PROP(RequestProperty, AnAcceptedRequestWrittenAgainMeansTheSame, ()) {
  const Outcome first = parse_whole(mutated_request());
  RC_PRE(first.accepted());
  Outcome again = parse_whole(render(first));
  RC_ASSERT(again.accepted());
  again.head_size = first.head_size;
  RC_ASSERT(again == first);
}

RC_GTEST_PROP(RequestProperty, AnythingIsAcceptedRefusedOrIncomplete, (const std::string& bytes)) {
  const Outcome whole = parse_whole(bytes);
  RC_ASSERT(parse_byte_by_byte(bytes) == whole);
  RC_ASSERT(whole.status != RequestParser::Status::refused || whole.refusal >= 400);
  RC_ASSERT(whole.accepted() == parse_by_reference(bytes).accepted());
}

}  // namespace
}  // namespace gserve::http::test
