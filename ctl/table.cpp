// SPDX-License-Identifier: MIT
#include "ctl/table.h"

#include <algorithm>
#include <utility>

namespace gserve::ctl {
namespace {

std::string pad(const std::string& cell, std::size_t width, Align align) {
  const std::string spaces(width - cell.size(), ' ');
  return align == Align::left ? cell + spaces : spaces + cell;
}

void trim_end(std::string& line) {
  line.erase(line.find_last_not_of(' ') + 1);
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  std::vector<std::string> titles;
  for (const Column& column : columns_) titles.push_back(column.title);
  rows_.push_back(std::move(titles));
}

void Table::add(std::vector<std::string> cells) {
  cells.resize(columns_.size());
  rows_.push_back(std::move(cells));
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& row : rows_) {
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  return widths;
}

std::string Table::text() const {
  const std::vector<std::size_t> width = widths();
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += (i == 0 ? "" : "  ") + pad(row[i], width[i], columns_[i].align);
    }
    trim_end(line);
    text += line + "\n";
  }
  return text;
}

}  // namespace gserve::ctl
