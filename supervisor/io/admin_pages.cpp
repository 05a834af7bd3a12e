// SPDX-License-Identifier: MIT
#include "supervisor/io/admin_pages.h"

#include <random>
#include <string>
#include <utility>

#include "supervisor/io/dashboard.h"
#include "supervisor/io/prometheus_text.h"
#include "supervisor/io/status_json.h"

namespace gserve::io {
namespace {

/// 128 bits that nobody can guess, in hexadecimal.
std::string nonce() {
  std::random_device device;
  constexpr char kHex[] = "0123456789abcdef";
  std::string text;
  for (int i = 0; i < 4; ++i) {
    const unsigned bits = device();
    for (int shift = 0; shift < 32; shift += 4) text += kHex[bits >> shift & 15U];
  }
  return text;
}

/// Only the page's own script and style run, and only what comes from here is read.
AdminAnswer dashboard() {
  const std::string once = nonce();
  constexpr std::string_view kMark = "@NONCE@";
  std::string page(kDashboard);
  for (std::size_t at = page.find(kMark); at != std::string::npos; at = page.find(kMark, at))
    page.replace(at, kMark.size(), once);
  return {200, "text/html; charset=utf-8", std::move(page),
          "default-src 'none'; script-src 'nonce-" + once + "'; style-src 'nonce-" + once +
              "'; img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors "
              "'none'"};
}

}  // namespace

AdminAnswer AdminPages::answer(std::string_view path) const {
  const std::string plain = AdminAnswer{}.type;
  if (path == "/livez") return {200, plain, "ok\n"};
  if (path == "/readyz") {
    std::string why = "ok";
    const bool ready = sources_.ready(why);
    return {ready ? 200U : 503U, plain, why + "\n"};
  }
  if (path == "/status.json") return {200, "application/json", status_json(sources_.status())};
  if (path == "/metrics")
    return {200, "text/plain; version=0.0.4; charset=utf-8", prometheus_text(sources_.metrics())};
  if (path == "/") return dashboard();
  return {404, plain, "not here; there are /livez, /readyz, /status.json, /metrics and /\n"};
}

}  // namespace gserve::io
