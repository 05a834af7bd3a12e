// SPDX-License-Identifier: MIT
#include "supervisor/config/command_line.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/version.h"
#include "supervisor/config/flags.h"
#include "supervisor/config/help.h"
#include "supervisor/config/unsupported.h"
#include "supervisor/config/values.h"
#include "supervisor/config/words.h"

namespace gserve::config {
namespace {

constexpr int kConfigurationError = 1;
constexpr int kUsageError = 2;
constexpr std::string_view kPositional = "wsgi_app";

/// Leaves the parse at any depth; parse_command_line returns what it carries.
struct Stop {
  Ending ending;
};

/// Control characters of what the user typed, as \xNN: an error is one line.
std::string on_one_line(const std::string& text) {
  constexpr char kHex[] = "0123456789abcdef";
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      line += c;
    } else {
      line.append({'\\', 'x', kHex[byte >> 4], kHex[byte & 15]});
    }
  }
  return line;
}

[[noreturn]] void refuse(int exit_code, const std::string& text) {
  throw Stop{{exit_code, on_one_line(text), false}};
}

/// One source of words and how messages name it.
struct Layer {
  std::vector<std::string> words;
  std::string prefix;  // "GUNICORN_CMD_ARGS: ", empty for the command line itself
  Source source;
};

/// CLI11 takes the next word as the value in `--flag= next` and keeps the sign in `-b=value`; argparse, which
/// gunicorn's users write for, does neither. As two words both mean what argparse means.
std::vector<std::string> as_argparse_splits(const std::vector<std::string>& words) {
  std::vector<std::string> result;
  bool flags = true;
  for (const std::string& word : words) {
    flags = flags && word != "--";
    const auto equals = word.find('=');
    const bool empty_value = word.starts_with("--") && equals == word.size() - 1;
    const bool short_equals = word.size() > 2 && word[0] == '-' && word[1] != '-' && equals == 2;
    if (flags && equals != std::string::npos && (empty_value || short_equals)) {
      result.push_back(word.substr(0, equals));
      result.push_back(word.substr(equals + 1));
    } else {
      result.push_back(word);
    }
  }
  return result;
}

bool looks_like_flag(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && std::isdigit(static_cast<unsigned char>(word[1])) == 0;
}

/// The settings table as CLI11 options: finds out which words belong to which setting. Values stay text here.
class Arguments {
 public:
  explicit Arguments(const Layer& layer) : prefix_(layer.prefix), words_(as_argparse_splits(layer.words)) {
    app_.set_help_flag();
    app_.allow_extras();
    help_ = app_.add_flag("-h,--help");
    version_ = app_.add_flag("-v,--version");
    for (const Setting& setting : table()) {
      if (!setting.flags.empty() || setting.name == kPositional) add(setting);
    }
    parse();
  }

  void apply_to(Settings& settings, Source source) const {
    for (const auto& [setting, option] : options_) {
      if (option->count() == 0) continue;
      auto [value, wrong] = value_of(*setting, *option);
      if (wrong.empty()) wrong = settings.set(setting->name, std::move(value), source);
      if (!wrong.empty()) refuse(kConfigurationError, prefix_ + invalid_value(*setting, *option, wrong));
    }
  }

 private:
  void add(const Setting& setting) {
    const bool positional = setting.name == kPositional;
    const std::string names(positional ? setting.name : setting.flags);
    CLI::Option* option = nullptr;
    if (setting.kind == Kind::flag) {
      option = app_.add_flag(names)->disable_flag_override();
    } else {
      const bool may_stand_alone = !std::holds_alternative<std::monostate>(setting.bare);
      option = app_.add_option(names)->expected(may_stand_alone ? 0 : 1, 1);
    }
    if (!positional) option->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
    options_.emplace_back(&setting, option);
  }

  void parse() {
    try {
      app_.parse(std::vector<std::string>(words_.rbegin(), words_.rend()));
    } catch (const CLI::ArgumentMismatch& error) {
      refuse_mismatch(error);
    } catch (const CLI::ParseError& error) {
      refuse(kUsageError, prefix_ + error.what());
    }
    if (help_->count() > 0) throw Stop{{0, help_text(), true}};
    if (version_->count() > 0) throw Stop{{0, "gserve (version " + std::string(kVersion) + ")\n", true}};
    for (const std::string& word : app_.remaining()) {
      if (word != "--") refuse_word(word);
    }
    for (const auto& [setting, option] : options_) refuse_swallowed_flag(*setting, *option);
  }

  /// Only two mismatches are possible: the last flag lacks its value, or a flag without value was given one.
  [[noreturn]] void refuse_mismatch(const CLI::ArgumentMismatch& error) const {
    const std::string text = error.what();
    if (text.find("flag override") == std::string::npos)
      refuse(kUsageError, prefix_ + words_.back() + " needs a value");
    refuse(kUsageError, prefix_ + "--" + text.substr(0, text.find(' ')) + " takes no value");
  }

  [[noreturn]] void refuse_word(const std::string& word) const {
    if (!looks_like_flag(word)) refuse(kUsageError, prefix_ + "unexpected argument '" + word + "'");
    const bool is_long = word.starts_with("--");
    const std::string flag = is_long ? word.substr(0, word.find('=')) : word.substr(0, 2);
    if (const std::string_view name = unsupported_setting(flag); !name.empty()) {
      refuse(kConfigurationError,
             prefix_ + flag + " (" + std::string(name) + ") is not supported by this version");
    }
    const std::string near(nearest_flag(flag));
    refuse(kUsageError, prefix_ + "unknown option " + flag +
                            (near.empty() ? "; gserve --help lists all" : "; did you mean " + near + "?"));
  }

  /// CLI11 gives "-n -p" the name "-p".
  void refuse_swallowed_flag(const Setting& setting, const CLI::Option& option) const {
    if (setting.flags.empty()) return;
    for (const std::string& value : option.results()) {
      const bool own_word = std::find(words_.begin(), words_.end(), value) != words_.end();
      if (!own_word || !looks_like_flag(value)) continue;
      refuse(kUsageError,
             prefix_ + std::string(long_flag(setting)) + " needs a value, but " + value + " follows");
    }
  }

  static ParsedValue value_of(const Setting& setting, const CLI::Option& option) {
    const bool bare = option.results().empty() || option.results().back().empty();
    if (bare && !std::holds_alternative<std::monostate>(setting.bare)) return {setting.bare, ""};
    return parse_value(setting, option.results());
  }

  static std::string invalid_value(const Setting& setting, const CLI::Option& option,
                                   const std::string& wrong) {
    const std::string_view flag = setting.flags.empty() ? setting.metavar : long_flag(setting);
    const std::string given = setting.kind == Kind::list ? "" : "'" + option.results().back() + "': ";
    return std::string(flag) + ": invalid value " + given + wrong;
  }

  CLI::App app_;
  CLI::Option* help_ = nullptr;
  CLI::Option* version_ = nullptr;
  std::vector<std::pair<const Setting*, CLI::Option*>> options_;
  std::string prefix_;
  std::vector<std::string> words_;
};

/// Words of an environment variable, as a shell would split them.
Layer variable_layer(const std::string& variable, const Environment& environment) {
  Layer layer{{}, variable + ": ", Source::args_environment};
  auto [words, wrong] = split_words(environment(variable).value_or(""));
  if (!wrong.empty()) refuse(kConfigurationError, layer.prefix + wrong);
  layer.words = std::move(words);
  return layer;
}

/// Symbolic links are resolved now, not by each worker: who is started later is of the same release as the
/// others, wherever `current` points by then.
void resolve_chdir(Settings& settings, const std::string& start) {
  const std::string given = settings.text("chdir");
  std::error_code error;
  const auto directory = std::filesystem::canonical(std::filesystem::path(start) / given, error);
  if (error || !std::filesystem::is_directory(directory, error)) {
    const std::string reason = error ? error.message() : "Not a directory";
    refuse(kConfigurationError, "--chdir: cannot change to '" + given + "': " + reason);
  }
  const Source source = settings.source("chdir");
  const std::string wrong = settings.set("chdir", directory.string(), source);
  if (!wrong.empty()) refuse(kConfigurationError, "--chdir: the directory's absolute path " + wrong);
}

Settings parse_layers(const Invocation& invocation, const Environment& environment) {
  // The command line is read first, so that --help works whatever the environment holds; it is applied last.
  const Arguments command_line(Layer{invocation.arguments, "", Source::command_line});
  Settings settings;
  const std::string wrong = apply_environment_defaults(settings, environment);
  if (!wrong.empty()) refuse(kConfigurationError, wrong);
  for (const char* variable : {"GUNICORN_CMD_ARGS", "GSERVE_CMD_ARGS"}) {
    const Layer layer = variable_layer(variable, environment);
    Arguments(layer).apply_to(settings, layer.source);
  }
  command_line.apply_to(settings, Source::command_line);
  if (settings.is_none("wsgi_app")) refuse(kConfigurationError, "No application module specified.");
  resolve_chdir(settings, invocation.directory);
  return settings;
}

}  // namespace

std::string printed(const Ending& ending) {
  return ending.to_stdout ? ending.text : "gserve: " + ending.text + "\n";
}

ParseOutcome parse_command_line(const Invocation& invocation, const Environment& environment) {
  try {
    return parse_layers(invocation, environment);
  } catch (const Stop& stop) {
    return stop.ending;
  }
}

}  // namespace gserve::config
