# SPDX-License-Identifier: MIT
raise RuntimeError("this module cannot be imported")
