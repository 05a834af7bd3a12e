// SPDX-License-Identifier: MIT
#include "supervisor/config/words.h"

namespace gserve::config {
namespace {

/// Reads one text character by character; `quote_` is the quotation that is open.
class Splitter {
 public:
  SplitWords split(std::string_view text) {
    for (const char c : text) take(c);
    if (quote_ != 0) return {{}, "a quotation is not closed"};
    if (escaped_) return {{}, "nothing follows the last backslash"};
    end_word();
    return {std::move(words_), {}};
  }

 private:
  void take(char c) {
    if (escaped_) {
      take_escaped(c);
    } else if (c == '\\' && quote_ != '\'') {
      escaped_ = in_word_ = true;
    } else if (quote_ != 0) {
      take_quoted(c);
    } else {
      take_plain(c);
    }
  }

  void take_escaped(char c) {
    if (quote_ == '"' && c != '"' && c != '\\') word_ += '\\';
    word_ += c;
    escaped_ = false;
  }

  void take_quoted(char c) {
    if (c == quote_) {
      quote_ = 0;
    } else {
      word_ += c;
    }
  }

  void take_plain(char c) {
    if (c == ' ' || c == '\t' || c == '\r' || c == '\n') return end_word();
    in_word_ = true;
    if (c == '\'' || c == '"') {
      quote_ = c;
    } else {
      word_ += c;
    }
  }

  void end_word() {
    if (in_word_) words_.push_back(std::move(word_));
    word_.clear();
    in_word_ = false;
  }

  std::vector<std::string> words_;
  std::string word_;
  char quote_ = 0;
  bool escaped_ = false;
  bool in_word_ = false;  // tells '' from nothing
};

}  // namespace

SplitWords split_words(std::string_view text) {
  return Splitter{}.split(text);
}

}  // namespace gserve::config
