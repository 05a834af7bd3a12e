// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>

#include "ctl/terminal.h"
#include "ctl/top_model.h"

namespace gserve::ctl {

/// A frame in lines of text, as `top` prints it where no terminal is.
std::string render_top(const TopFrame& frame);

/// The same as a whole screen with the worker that is chosen, and below it `message` and the keys: control sequences
/// that draw over what was there. Not a line is wider than the terminal; workers that do not fit are counted.
std::string render_top_screen(const TopFrame& frame, std::size_t chosen, const std::string& message,
                              const Terminal& terminal);

/// One JSON object in a line.
std::string json_top(const TopFrame& frame);

}  // namespace gserve::ctl
