// SPDX-License-Identifier: MIT
#include "worker/wsgi/environ.h"

#include <strings.h>

#include "worker/wsgi/client_socket.h"
#include "worker/wsgi/environ_text.h"
#include "worker/wsgi/input.h"
#include "worker/wsgi/start_response.h"

namespace gserve::wsgi {
namespace {

PyRef latin1(std::string_view text) {
  return PyRef(PyUnicode_DecodeLatin1(text.data(), static_cast<Py_ssize_t>(text.size()), nullptr));
}

bool same_name(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

bool set(PyObject* dict, const PyRef& key, PyObject* value) {
  return value != nullptr && PyDict_SetItem(dict, key.get(), value) == 0;
}

bool set(PyObject* dict, const PyRef& key, const PyRef& value) {
  return set(dict, key, value.get());
}

bool intern(PyRef& into, const char* text) {
  into = PyRef(PyUnicode_InternFromString(text));
  return static_cast<bool>(into);
}

bool read_text(PyObject* object, std::string& into) {
  Py_ssize_t size;
  const char* text = object == nullptr ? nullptr : PyUnicode_AsUTF8AndSize(object, &size);
  if (text == nullptr) return false;
  into.assign(text, static_cast<std::size_t>(size));
  return true;
}

PyObject* required(PyObject* settings, const char* name) {
  PyObject* value = PyDict_GetItemString(settings, name);
  if (value == nullptr) PyErr_Format(PyExc_KeyError, "the server's settings lack '%s'", name);
  return value;
}

}  // namespace

/// One environ in the making.
struct EnvironBuilder::Fill {
  PyObject* dict;
  const net::Exchange& exchange;
  const http::RequestHead& head;
  bool https;
  std::string_view script_name;
  bool scheme_seen = false;
  http::Refusal refusal{};
};

bool EnvironBuilder::Names::create() {
  return intern(request_method, "REQUEST_METHOD") && intern(path_info, "PATH_INFO") &&
         intern(query_string, "QUERY_STRING") && intern(raw_uri, "RAW_URI") &&
         intern(server_name, "SERVER_NAME") && intern(server_port, "SERVER_PORT") &&
         intern(remote_addr, "REMOTE_ADDR") && intern(remote_port, "REMOTE_PORT") &&
         intern(proxy_protocol, "PROXY_PROTOCOL") && intern(proxy_addr, "PROXY_ADDR") &&
         intern(proxy_port, "PROXY_PORT") && intern(server_protocol, "SERVER_PROTOCOL") &&
         intern(script_name, "SCRIPT_NAME") && intern(url_scheme, "wsgi.url_scheme") &&
         intern(input, "wsgi.input") && intern(early_hints, "wsgi.early_hints") &&
         intern(socket, "gunicorn.socket") && intern(https, "https") && intern(empty, "") &&
         intern(https_variable, "HTTPS") && intern(on, "on");
}

std::unique_ptr<EnvironBuilder> EnvironBuilder::create(PyObject* settings) {
  std::unique_ptr<EnvironBuilder> builder(new EnvironBuilder);
  if (!builder->names_.create() || !builder->read_settings(settings)) return nullptr;
  builder->header_names_ = std::make_unique<HeaderNames>(builder->schemes_, builder->forwarders_);
  return builder;
}

bool EnvironBuilder::read_settings(PyObject* settings) {
  PyObject* base = required(settings, "base");
  if (base == nullptr || !read_text(required(settings, "script_name"), script_name_)) return false;
  base_ = PyRef(PyDict_Copy(base));
  PyObject* schemes = required(settings, "secure_scheme_headers");
  PyObject* forwarders = required(settings, "forwarder_headers");
  if (!base_ || schemes == nullptr || forwarders == nullptr) return false;

  PyObject *name, *value;
  std::string text;
  for (Py_ssize_t position = 0; PyDict_Next(schemes, &position, &name, &value) != 0;) {
    if (!read_text(name, text) || !read_text(value, schemes_[text])) return false;
  }
  for (Py_ssize_t index = 0; index < PyList_Size(forwarders); ++index) {
    if (!read_text(PyList_GetItem(forwarders, index), text)) return false;
    forwarders_.insert(text);
  }
  return read_header_map(required(settings, "header_map")) &&
         read_trusted(required(settings, "forwarded_allow_ips"));
}

bool EnvironBuilder::read_header_map(PyObject* setting) {
  std::string text;
  if (!read_text(setting, text)) return false;
  if (text == "refuse") {
    header_map_ = HeaderMap::refuse;
  } else if (text == "dangerous") {
    header_map_ = HeaderMap::dangerous;
  } else if (text != "drop") {
    PyErr_Format(PyExc_ValueError, "header_map: '%s' is neither drop nor refuse nor dangerous", text.c_str());
    return false;
  }
  return true;
}

bool EnvironBuilder::read_trusted(PyObject* list) {
  if (list == nullptr) return false;
  std::string text;
  const Py_ssize_t count = PyList_Size(list);
  for (Py_ssize_t index = 0; index < count; ++index) {
    if (!read_text(PyList_GetItem(list, index), text)) return false;
    if (const std::string wrong = trusted_.add(text); !wrong.empty()) {
      PyErr_Format(PyExc_ValueError, "forwarded_allow_ips: %s", wrong.c_str());
      return false;
    }
  }
  return count >= 0;
}

PyRef EnvironBuilder::build(const State& state, PyObject* request, const net::Exchange& exchange,
                            http::Refusal& refusal) {
  PyRef dict(PyDict_Copy(base_.get()));
  if (!dict) return PyRef();
  Fill fill{dict.get(), exchange, exchange.head(), exchange.secure(), script_name_};
  const bool whole = add_request_line(fill) && add_fields(fill) && add_path(fill) && add_addresses(fill) &&
                     add_objects(fill, state, request);
  refusal = fill.refusal;
  return whole ? std::move(dict) : PyRef();
}

PyObject* EnvironBuilder::recent(Recent& slot, std::string_view text) {
  if (slot.string && slot.text == text) return slot.string.get();
  PyRef string = latin1(text);
  if (!string) return nullptr;
  slot.text = text;
  slot.string = std::move(string);
  return slot.string.get();
}

bool EnvironBuilder::add_request_line(Fill& fill) {
  const http::RequestHead& head = fill.head;
  return set(fill.dict, names_.request_method, recent(method_, head.method)) &&
         set(fill.dict, names_.raw_uri, latin1(head.target)) &&
         set(fill.dict, names_.query_string,
             head.query.empty() ? PyRef::borrow(names_.empty.get()) : latin1(head.query)) &&
         set(fill.dict, names_.server_protocol, recent(protocol_, head.version()));
}

/// After the fields, one of which may be a trusted proxy's SCRIPT_NAME.
bool EnvironBuilder::add_path(Fill& fill) {
  std::string_view path = fill.head.path;
  if (!path.starts_with(fill.script_name)) {
    fill.refusal = {500, "the path does not start with SCRIPT_NAME"};
    return false;
  }
  path.remove_prefix(fill.script_name.size());
  const bool encoded = path.find('%') != std::string_view::npos;
  return set(fill.dict, names_.path_info, encoded ? latin1(percent_decoded(path)) : latin1(path));
}

bool EnvironBuilder::is_trusted(const net::Endpoint& peer) const {
  return peer.address.empty() || trusted_.contains(peer.address);
}

bool EnvironBuilder::add_fields(Fill& fill) {
  for (std::size_t index = 0; index < fill.head.fields.size(); ++index) {
    if (!add_field(fill, index)) return false;
  }
  return !fill.https || set(fill.dict, names_.url_scheme, names_.https);
}

/// Whether a field gets into the environ, or would if the header map did not refuse the request.
bool EnvironBuilder::is_passed(const Fill& fill, const FieldName& name) const {
  if (!name.ambiguous || header_map_ == HeaderMap::dangerous) return true;
  return name.forwarder && is_trusted(fill.exchange.connected());
}

bool EnvironBuilder::add_field(Fill& fill, std::size_t index) {
  const http::Field& field = fill.head.fields[index];
  FieldName name;
  if (!header_names_->find(field.name, name)) return false;
  const bool says_scheme = name.secure_value != nullptr && is_trusted(fill.exchange.connected());
  if (says_scheme && !note_scheme(fill, name, field.value)) return false;
  if (!is_passed(fill, name)) {
    if (header_map_ == HeaderMap::drop) return true;
    fill.refusal = {400, "header field name with an underscore"};
    return false;
  }
  if (name.script_name && !take_script_name(fill, name, field.value)) return false;
  const Py_ssize_t before = PyDict_Size(fill.dict);
  if (!set(fill.dict, name.key, latin1(field.value))) return false;
  const bool repeated = PyDict_Size(fill.dict) == before;
  return !repeated || name.kind != FieldKind::http || add_joined(fill, name, index);
}

/// A trusted proxy says where the application is mounted. Nobody else may, whatever the header map.
bool EnvironBuilder::take_script_name(Fill& fill, const FieldName& name, std::string_view value) {
  if (!name.forwarder || !is_trusted(fill.exchange.connected())) return true;
  fill.script_name = value;
  return set(fill.dict, names_.script_name, latin1(value));
}

/// A key that came more than once: its values up to index `last`, joined with commas (RFC 9110, 5.3).
bool EnvironBuilder::add_joined(Fill& fill, const FieldName& name, std::size_t last) {
  const auto& fields = fill.head.fields;
  std::string joined;
  const char* separator = "";
  for (std::size_t index = 0; index <= last; ++index) {
    FieldName other;
    if (!header_names_->find(fields[index].name, other)) return false;
    if (!is_passed(fill, other) || PyUnicode_Compare(other.key.get(), name.key.get()) != 0) continue;
    joined.append(separator).append(fields[index].value);
    separator = ",";
  }
  return set(fill.dict, name.key, latin1(joined));
}

/// A trusted proxy's word on the client's scheme; two words that differ are an attack or a fault.
bool EnvironBuilder::note_scheme(Fill& fill, const FieldName& name, std::string_view value) {
  const bool https = value == *name.secure_value;
  if (fill.scheme_seen && https != fill.https) {
    fill.refusal = {400, "contradictory scheme headers"};
    return false;
  }
  fill.scheme_seen = true;
  fill.https = https;
  return true;
}

bool EnvironBuilder::add_addresses(Fill& fill) {
  const net::Endpoint& peer = fill.exchange.peer();
  const net::Endpoint& local = fill.exchange.local();
  if (!set(fill.dict, names_.remote_addr, recent(remote_addr_, peer.address))) return false;
  if (!peer.port.empty() && !set(fill.dict, names_.remote_port, latin1(peer.port))) return false;
  const http::ProxyHeader* proxy = fill.exchange.proxy_header();
  if (proxy != nullptr && !add_proxy(fill, *proxy)) return false;
  if (local.address.empty()) return add_server_from_host(fill);
  return set(fill.dict, names_.server_name, recent(server_name_, local.address)) &&
         set(fill.dict, names_.server_port, recent(server_port_, local.port));
}

/// As gunicorn, but without keys for what the header does not say (gunicorn: None).
bool EnvironBuilder::add_proxy(Fill& fill, const http::ProxyHeader& header) {
  if (!set(fill.dict, names_.proxy_protocol, latin1(header.protocol))) return false;
  return header.destination.empty() || (set(fill.dict, names_.proxy_addr, latin1(header.destination)) &&
                                        set(fill.dict, names_.proxy_port, latin1(header.destination_port)));
}

/// WSGI knows no Unix sockets: the name comes from the Host field, as in gunicorn, or is the socket's path.
bool EnvironBuilder::add_server_from_host(Fill& fill) {
  HostPort host{fill.exchange.local().path, {}};
  for (const http::Field& field : fill.head.fields) {
    if (!same_name(field.name, "host") || field.value.empty()) continue;
    host = split_host(field.value);
    if (host.port.empty()) host.port = fill.https ? "443" : "80";
  }
  return set(fill.dict, names_.server_name, recent(server_name_, host.host)) &&
         set(fill.dict, names_.server_port, recent(server_port_, host.port));
}

bool EnvironBuilder::add_objects(Fill& fill, const State& state, PyObject* request) {
  return set(fill.dict, names_.input, new_input(state, request, fill.head.has_body())) &&
         set(fill.dict, names_.early_hints, new_early_hints(request)) &&
         (fill.exchange.secure() ? add_tls(fill)
                                 : set(fill.dict, names_.socket, new_client_socket(state, request)));
}

/// There is no gunicorn.socket then: what an application wrote to it would break the encryption.
bool EnvironBuilder::add_tls(Fill& fill) {
  if (!set(fill.dict, names_.https_variable, names_.on)) return false;
  for (const auto& [name, value] : fill.exchange.client_facts()) {
    const PyRef text = latin1(value);
    if (!text || PyDict_SetItemString(fill.dict, name, text.get()) != 0) return false;
  }
  return true;
}

}  // namespace gserve::wsgi
