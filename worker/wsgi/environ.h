// SPDX-License-Identifier: MIT
#pragma once

#include <memory>
#include <string>

#include "common/address_set.h"
#include "worker/net/exchange.h"
#include "worker/wsgi/header_names.h"
#include "worker/wsgi/request.h"

namespace gserve::wsgi {

/// Makes environs (PEP 3333, "environ Variables", and gunicorn's additions). Needs the GIL.
class EnvironBuilder {
 public:
  /// `settings`, a dict: "base" (what is the same in every environ), "script_name" (str),
  /// "secure_scheme_headers" (dict of upper-case name to value), "forwarder_headers" (list of upper-case
  /// names), "header_map" ("drop", "refuse" or "dangerous"), "forwarded_allow_ips" (list of what an AddressSet
  /// takes). Null with an exception set.
  static std::unique_ptr<EnvironBuilder> create(PyObject* settings);

  /// The environ of `request`, whose exchange is `exchange`. Nothing with an exception set on failure, or
  /// with `refusal` set if the request may not run.
  PyRef build(const State& state, PyObject* request, const net::Exchange& exchange, http::Refusal& refusal);

 private:
  /// Keys and values that most environs have.
  struct Names {
    PyRef request_method, path_info, query_string, raw_uri, server_name, server_port, remote_addr,
        remote_port, proxy_protocol, proxy_addr, proxy_port, server_protocol, script_name, url_scheme, input,
        early_hints, socket, https, empty, https_variable, on;
    bool create();
  };
  /// The last text of a kind with its string: consecutive requests mostly have the same.
  struct Recent {
    std::string text;
    PyRef string;
  };
  /// What becomes of a field whose name has an underscore and that no trusted proxy vouches for.
  enum class HeaderMap { drop, refuse, dangerous };
  struct Fill;

  EnvironBuilder() = default;
  bool read_settings(PyObject* settings);
  bool read_header_map(PyObject* setting);
  bool read_trusted(PyObject* list);
  bool add_request_line(Fill& fill);
  bool add_path(Fill& fill);
  bool add_fields(Fill& fill);
  bool add_field(Fill& fill, std::size_t index);
  bool is_passed(const Fill& fill, const FieldName& name) const;
  bool take_script_name(Fill& fill, const FieldName& name, std::string_view value);
  bool add_joined(Fill& fill, const FieldName& name, std::size_t last);
  bool note_scheme(Fill& fill, const FieldName& name, std::string_view value);
  bool add_addresses(Fill& fill);
  bool add_proxy(Fill& fill, const http::ProxyHeader& header);
  bool add_server_from_host(Fill& fill);
  bool add_objects(Fill& fill, const State& state, PyObject* request);
  bool add_tls(Fill& fill);
  bool is_trusted(const net::Endpoint& peer) const;
  PyObject* recent(Recent& slot, std::string_view text);

  PyRef base_;
  std::string script_name_;  // that of the environment
  SchemeFields schemes_;
  ForwarderFields forwarders_;
  HeaderMap header_map_ = HeaderMap::drop;
  AddressSet trusted_;
  std::unique_ptr<HeaderNames> header_names_;
  Names names_;
  Recent method_, protocol_, remote_addr_, server_name_, server_port_;
};

}  // namespace gserve::wsgi
