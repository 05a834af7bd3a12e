# SPDX-License-Identifier: MIT
import a_module_that_is_nowhere  # noqa: F401
