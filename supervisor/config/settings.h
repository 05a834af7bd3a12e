// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace gserve::config {

/// A setting's value; monostate is gunicorn's None.
using Dictionary = std::map<std::string, std::string>;
using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, std::vector<std::string>,
                           Dictionary>;

/// Where a value came from, low to high precedence.
enum class Source { builtin, environment, config_file, args_environment, command_line };

/// What a value is and how it is held. json is JSON text; identity is a name or a number, as of a user; callable
/// says where the function is defined ("FILE:LINE NAME"). The last three are for configuration files only.
enum class Kind { flag, integer, bytes, seconds, text, list, identity, dictionary, json, callable };

/// One row of the settings table: the only place where a setting is declared.
struct Setting {
  std::string_view name;   // gunicorn's name, the key in configuration files and in the worker's snapshot
  std::string_view flags;  // "-w,--workers"; empty: configuration file only
  Kind kind;
  Value builtin;
  std::string_view metavar;
  std::string_view help;
  bool own;     // gserve's own, not in gunicorn
  bool worker;  // goes into the worker's snapshot
  /// Checks and normalizes `value` in place; never called with None. Returns an empty string, or what is
  /// wrong
  /// ("must be at least 1"); for a list the text starts with the offending item in quotes.
  std::string (*validate)(Value& value);
  std::string_view section;  // heading in --help
  /// What the bare flag stands for. None: flags are true, everything else needs a value.
  Value bare = {};
  /// Why only the built-in value is accepted ("gserve speaks HTTP/1.1"); empty: the setting is supported.
  std::string_view refusal = {};
};

std::span<const Setting> table();

/// The row of that name, or nullptr.
const Setting* find_setting(std::string_view name);

/// All settings, resolved and valid. Accessors throw std::logic_error on a name or kind that the table does
/// not have.
class Settings {
 public:
  Settings();  // the built-in defaults

  bool is_none(std::string_view name) const;
  bool flag(std::string_view name) const;
  std::int64_t integer(std::string_view name) const;
  double seconds(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  const std::vector<std::string>& list(std::string_view name) const;
  const Value& value(std::string_view name) const;
  Source source(std::string_view name) const;
  /// Where the value came from, for people: "default", "$PORT", "/srv/gunicorn.conf.py", "GSERVE_CMD_ARGS",
  /// "--bind".
  const std::string& origin(std::string_view name) const;

  /// Sets a value after validation; None is the built-in value. Returns an empty string, or what is wrong.
  std::string set(std::string_view name, Value value, Source source, std::string origin = {});

  bool operator==(const Settings&) const = default;

 private:
  struct Entry {
    Value value;
    Source source = Source::builtin;
    std::string origin = "default";
    bool operator==(const Entry&) const = default;
  };
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace gserve::config
