// SPDX-License-Identifier: MIT
#pragma once

#include <string>
#include <vector>

namespace gserve::ctl {

enum class Align { left, right };

/// Text in columns, two spaces apart, as wide as their widest cell. Lines have no trailing spaces.
class Table {
 public:
  struct Column {
    std::string title;
    Align align = Align::left;
  };
  explicit Table(std::vector<Column> columns);
  /// As many cells as there are columns.
  void add(std::vector<std::string> cells);
  std::string text() const;

 private:
  std::vector<std::size_t> widths() const;
  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;  // the titles first
};

}  // namespace gserve::ctl
