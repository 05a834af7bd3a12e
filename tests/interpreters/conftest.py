# SPDX-License-Identifier: MIT
import importlib.util
import os
import sys

INTEGRATION = os.path.join(os.path.dirname(__file__), "../integration")
sys.path.insert(0, INTEGRATION)

# Two modules named conftest cannot be imported by that name.
spec = importlib.util.spec_from_file_location("conftest_of_integration", os.path.join(INTEGRATION, "conftest.py"))
shared = importlib.util.module_from_spec(spec)
spec.loader.exec_module(shared)
box, pytest_configure = shared.box, shared.pytest_configure
