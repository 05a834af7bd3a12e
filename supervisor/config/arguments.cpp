// SPDX-License-Identifier: MIT
#include "supervisor/config/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <utility>

#include "common/version.h"
#include "supervisor/config/flags.h"
#include "supervisor/config/help.h"
#include "supervisor/config/manual.h"
#include "supervisor/config/reference.h"
#include "supervisor/config/values.h"

namespace gserve::config {
namespace {

bool looks_like_flag(std::string_view word) {
  return word.size() > 1 && word[0] == '-' && std::isdigit(static_cast<unsigned char>(word[1])) == 0;
}

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

/// The settings table as CLI11 options: finds out which words belong to which setting. Values stay text here.
class Arguments {
 public:
  explicit Arguments(const CommandWords& source)
      : variable_(source.variable), prefix_(variable_.empty() ? "" : variable_ + ": ") {
    words_ = spelled_out(as_argparse_splits(source.words));
    app_.set_help_flag();
    app_.allow_extras();
    help_ = app_.add_flag("-h,--help");
    version_ = app_.add_flag("-v,--version");
    reference_ = app_.add_flag("--print-settings-reference");
    manual_ = app_.add_flag("--print-manual");
    file_manual_ = app_.add_flag("--print-file-manual");
    for (const Setting& setting : table()) add(setting);
    parse();
  }

  std::vector<Assignment> assignments() const {
    std::vector<Assignment> assignments;
    for (const auto& [setting, option] : options_) {
      if (option->count() > 0) assignments.push_back(assignment(*setting, *option));
    }
    return assignments;
  }

 private:
  void add(const Setting& setting) {
    const bool positional = setting.name == "wsgi_app";
    if (setting.flags.empty() && !positional) return;  // for configuration files only
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
    if (reference_->count() > 0) throw Stop{{0, settings_reference(), true}};
    if (manual_->count() > 0) throw Stop{{0, manual_page(), true}};
    if (file_manual_->count() > 0) throw Stop{{0, file_manual_page(), true}};
    for (const std::string& word : app_.remaining()) {
      if (word != "--") refuse_word(word);
    }
    for (const auto& [setting, option] : options_) refuse_swallowed_flag(*setting, *option);
  }

  /// Each abbreviated long option as the whole one.
  std::vector<std::string> spelled_out(std::vector<std::string> words) const {
    for (std::string& word : words) {
      if (word == "--") break;
      if (!word.starts_with("--")) continue;
      const std::size_t end = std::min(word.find('='), word.size());
      const auto meant = flags_that_begin(word.substr(0, end));
      if (meant.size() > 1) refuse_ambiguous(word.substr(0, end), meant);
      if (meant.size() == 1) word = std::string(meant.front()) + word.substr(end);
    }
    return words;
  }

  [[noreturn]] void refuse_ambiguous(const std::string& word,
                                     const std::vector<std::string_view>& meant) const {
    std::string choice;
    for (const std::string_view flag : meant) choice += (choice.empty() ? "" : ", ") + std::string(flag);
    refuse(kUsageError, prefix_ + "ambiguous option: " + word + " could match " + choice);
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
    const std::string near(nearest_flag(flag));
    refuse(kUsageError, prefix_ + "unknown option " + flag +
                            (near.empty() ? "; gserve --help lists all" : "; did you mean " + near + "?"));
  }

  /// CLI11 gives "-n -p" the name "-p".
  void refuse_swallowed_flag(const Setting& setting, const CLI::Option& option) const {
    if (setting.flags.empty() || setting.kind == Kind::flag) return;
    for (const std::string& value : option.results()) {
      const bool own_word = std::find(words_.begin(), words_.end(), value) != words_.end();
      if (!own_word || !looks_like_flag(value)) continue;
      refuse(kUsageError,
             prefix_ + std::string(long_flag(setting)) + " needs a value, but " + value + " follows");
    }
  }

  Assignment assignment(const Setting& setting, const CLI::Option& option) const {
    const std::string flag(setting.flags.empty() ? setting.metavar : long_flag(setting));
    const auto& given = option.results();
    Assignment made{
        &setting, {}, Source::command_line, flag, prefix_ + flag, given.empty() ? "" : given.back()};
    if (!variable_.empty()) made.source = Source::args_environment;
    if (!variable_.empty()) made.origin = variable_;
    const bool bare = setting.kind == Kind::flag || made.given.empty();
    if (bare && !std::holds_alternative<std::monostate>(setting.bare)) {
      made.value = setting.bare;
      return made;
    }
    auto [value, wrong] = parse_value(setting, given);
    if (!wrong.empty()) refuse(kConfigurationError, invalid_value(made, wrong));
    made.value = std::move(value);
    return made;
  }

  CLI::App app_;
  CLI::Option* help_ = nullptr;
  CLI::Option* version_ = nullptr;
  CLI::Option* reference_ = nullptr;
  CLI::Option* manual_ = nullptr;
  CLI::Option* file_manual_ = nullptr;
  std::vector<std::pair<const Setting*, CLI::Option*>> options_;
  std::string variable_;
  std::string prefix_;
  std::vector<std::string> words_;
};

}  // namespace

std::vector<Assignment> read_arguments(const CommandWords& words) {
  return Arguments(words).assignments();
}

}  // namespace gserve::config
