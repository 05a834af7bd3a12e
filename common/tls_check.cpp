// SPDX-License-Identifier: MIT
#include "common/tls_check.h"

extern "C" __attribute__((visibility("default"))) void gserve_tls_check(const gserve::tls::Material& material,
                                                                        std::string& wrong) {
  auto made = gserve::tls::Context::make(material);
  if (auto* reason = std::get_if<std::string>(&made)) wrong = std::move(*reason);
}
