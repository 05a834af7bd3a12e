// SPDX-License-Identifier: MIT
#include "worker/wsgi/server_config.h"

#include <sys/mman.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "common/syslog.h"
#include "worker/wsgi/tls_config.h"

namespace gserve::wsgi {
namespace {

/// Reads optional values out of a dict; remembers whether one of them was wrong.
class Reader {
 public:
  explicit Reader(PyObject* dict) : dict_(dict) {}

  template <typename Integer>
  void integer(const char* name, Integer& into) {
    PyObject* object = find(name);
    if (object == nullptr) return;
    const long long value = PyLong_AsLongLong(object);
    if (check(value != -1)) into = static_cast<Integer>(value);
  }

  void flag(const char* name, bool& into) {
    PyObject* object = find(name);
    if (object == nullptr) return;
    const int value = PyObject_IsTrue(object);
    if (check(value != -1)) into = value == 1;
  }

  void seconds(const char* name, net::Seconds& into) {
    PyObject* object = find(name);
    if (object == nullptr) return;
    const double value = PyFloat_AsDouble(object);
    if (check(value != -1.0)) into = net::Seconds(value);
  }

  void text(const char* name, std::string& into) {
    PyObject* object = find(name);
    if (object == nullptr) return;
    Py_ssize_t size = 0;
    const char* value = PyUnicode_AsUTF8AndSize(object, &size);
    if (check(value != nullptr)) into.assign(value, static_cast<std::size_t>(size));
  }

  void integers(const char* name, std::vector<int>& into) {
    PyObject* object = find(name);
    if (object == nullptr) return;
    const Py_ssize_t count = PyList_Size(object);
    if (!check(count != -1)) return;
    for (Py_ssize_t index = 0; index < count; ++index) {
      const long value = PyLong_AsLong(PyList_GetItem(object, index));
      if (check(value != -1)) into.push_back(static_cast<int>(value));
    }
  }

  void proxy_mode(const char* name, http::ProxyMode& into) {
    std::string mode;
    text(name, mode);
    if (mode == "v1") into = http::ProxyMode::v1;
    if (mode == "v2") into = http::ProxyMode::v2;
    if (mode == "auto") into = http::ProxyMode::either;
  }

  /// Adds a list of what an AddressSet takes.
  void addresses(const char* name, AddressSet& into) {
    PyObject* object = find(name);
    const Py_ssize_t count = object == nullptr ? 0 : PyList_Size(object);
    check(count != -1);
    for (Py_ssize_t index = 0; valid_ && index < count; ++index) {
      const char* item = PyUnicode_AsUTF8AndSize(PyList_GetItem(object, index), nullptr);
      if (!check(item != nullptr)) return;
      const std::string wrong = into.add(item);
      if (!wrong.empty()) PyErr_Format(PyExc_ValueError, "%s: %s", name, wrong.c_str());
      check(wrong.empty());
    }
  }

  bool valid() const { return valid_; }

 private:
  PyObject* find(const char* name) {
    PyObject* object = valid_ ? PyDict_GetItemString(dict_, name) : nullptr;
    return object == Py_None ? nullptr : object;
  }
  /// `plausible` is false for the value that may mean an exception.
  bool check(bool plausible) { return valid_ = plausible || PyErr_Occurred() == nullptr; }

  PyObject* dict_;
  bool valid_ = true;
};

}  // namespace

void ScoreboardMapping::unmap() {
  if (layout_ != nullptr) munmap(std::exchange(layout_, nullptr), scoreboard::kSize);
}

void ScoreboardMapping::map(int fd) {
  void* memory = mmap(nullptr, scoreboard::kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) {
    throw std::system_error(errno, std::generic_category(), "cannot map the scoreboard");
  }
  layout_ = static_cast<scoreboard::Layout*>(memory);
}

bool read_server_config(PyObject* dict, net::ServerConfig& config, ScoreboardMapping& scoreboard) {
  Reader reader(dict);
  int scoreboard_fd = -1;
  int log_level = static_cast<int>(config.log_level);
  std::string syslog_facility;
  reader.integers("listeners", config.listeners);
  reader.integer("handover_out", config.handover_out);
  reader.integer("handover_in", config.handover_in);
  reader.integer("lifeline", config.lifeline);
  reader.integer("error_log", config.error_log);
  reader.integer("access_log", config.access_log);
  reader.integer("access_records", config.access_records);
  reader.integer("capture_output", config.capture_output);
  reader.integer("signal_wakeup", config.signal_wakeup);
  reader.integer("scoreboard", scoreboard_fd);
  reader.integer("limit_request_line", config.limits.request_line);
  reader.integer("limit_request_fields", config.limits.fields);
  reader.integer("limit_request_field_size", config.limits.field_size);
  reader.integer("limit_request_body", config.limits.request_body);
  reader.flag("permit_obsolete_folding", config.leniency.obsolete_folding);
  reader.flag("strip_header_spaces", config.leniency.header_spaces);
  reader.flag("permit_unconventional_http_method", config.leniency.unconventional_method);
  reader.flag("permit_unconventional_http_version", config.leniency.unconventional_version);
  reader.flag("casefold_http_method", config.leniency.casefold_method);
  reader.proxy_mode("proxy_protocol", config.proxy_protocol);
  reader.addresses("proxy_allow_ips", config.proxy_allow_ips);
  reader.seconds("keep_alive", config.keep_alive);
  reader.seconds("header_timeout", config.header_timeout);
  reader.seconds("body_timeout", config.body_timeout);
  reader.seconds("write_timeout", config.write_timeout);
  reader.seconds("graceful_timeout", config.graceful_timeout);
  reader.integer("executors", config.executors);
  reader.integer("event_loop", config.event_loop);
  reader.integer("aborts_in_python", config.aborts_in_python);
  reader.integer("max_connections", config.max_connections);
  reader.integer("max_requests", config.max_requests);
  reader.integer("notify", config.notify);
  reader.text("recycle_notice", config.recycle_notice);
  reader.text("access_log_format", config.access_log_format);
  reader.integer("log_level", log_level);
  reader.integer("log_json", config.log_json);
  reader.integer("log_priority", config.log_priority);
  reader.integer("generation", config.generation);
  reader.text("syslog_address", config.syslog_address);
  reader.text("syslog_facility", syslog_facility);
  reader.text("syslog_name", config.syslog_name);
  reader.integer("syslog_access", config.syslog_access);
  reader.text("statsd_address", config.statsd_address);
  reader.text("statsd_prefix", config.statsd_prefix);
  reader.text("statsd_tags", config.statsd_tags);
  reader.text("tmp_dir", config.tmp_dir);
  if (!reader.valid() || !read_tls_material(PyDict_GetItemString(dict, "tls"), config.tls)) return false;
  config.syslog_facility = syslog::facility(syslog_facility).value_or(config.syslog_facility);
  config.log_level = static_cast<net::LogLevel>(log_level);
  if (scoreboard_fd >= 0) scoreboard.map(scoreboard_fd);
  config.scoreboard = scoreboard.layout();
  return true;
}

}  // namespace gserve::wsgi
