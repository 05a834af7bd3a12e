# SPDX-License-Identifier: MIT
"""--check-config: loads the application as a worker would, and says whether that went well.

Started as `python3 -P -m gserve.check_app`; see "Configuration" in common/launch_contract.h.
"""
import os
import sys
import traceback

from gserve.launch import take_launch
from gserve.patching import patch


def check(settings):
    problem = patch(settings)
    # Not before: they import what was patched.
    from gserve import app_loader, boot
    boot.hide_main_module()
    if problem:
        print(problem, file=sys.stderr)
        return 1
    try:
        app_loader.set_import_path(settings)
        app_loader.load_configured(settings)
        return 0
    except BaseException:  # sys.exit() in a module is a failure to load it, too
        print("\nError while loading the application:\n", file=sys.stderr)
        traceback.print_exc()
        return 1


def main():
    launch = take_launch(os.environ)
    code = check(launch.settings)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)  # threads that the application started are not waited for


if __name__ == "__main__":
    main()
