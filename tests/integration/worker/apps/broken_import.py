# SPDX-License-Identifier: MIT
import a_module_that_is_nowhere

app = a_module_that_is_nowhere.app
