// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <string_view>

#include "supervisor/config/settings.h"

/// The checks of the settings table. Each one may normalize its value; each returns an empty string, or what
/// is wrong, in words that follow "invalid value 'X': ".
namespace gserve::config::validators {

std::string accept(Value& value);
std::string not_empty(Value& value);
std::string at_least_zero(Value& value);
std::string at_least_one(Value& value);
/// As gunicorn: 0 and more than 32768 mean 32768.
std::string header_count(Value& value);
/// As gunicorn: 0 means the default, 8190.
std::string field_size(Value& value);
/// A duration in seconds that fits nanoseconds in 64 bits.
std::string duration(Value& value);
/// Bytes of memory: 0, or so many that a worker can need less.
std::string memory_limit(Value& value);
/// Bytes, 0 or more.
std::string size(Value& value);
/// As gunicorn: of any case.
std::string header_map(Value& value);
/// A duration that is 0 or at least one second.
std::string lifetime(Value& value);
std::string patience(Value& value);  // above 0
/// A target for --health-check: a path, or http://HOST/PATH.
std::string health_check(Value& value);
/// A path that fits a Unix socket's address.
std::string socket_path(Value& value);
std::string file_mode(Value& value);
std::string log_level(Value& value);
std::string log_format(Value& value);
std::string syslog_address(Value& value);
std::string syslog_facility(Value& value);
std::string statsd_address(Value& value);
std::string worker_class(Value& value);
std::string reload_engine(Value& value);
std::string addresses(Value& value);
/// Where only this machine can connect: a loopback address or a Unix socket.
std::string local_address(Value& value);
/// Addresses and networks, separated by commas; or "*".
std::string trusted_peers(Value& value);
/// Makes off, v1, v2 or auto of gunicorn's words for them.
std::string proxy_protocol(Value& value);
/// gunicorn's cert_reqs: 0, 1 or 2.
std::string certificate_demand(Value& value);
/// A protocol of Python's ssl module that includes TLS 1.2 or 1.3, by its name or number.
std::string ssl_version(Value& value);
std::string sni_certificates(Value& value);
std::string environment_settings(Value& value);

}  // namespace gserve::config::validators
