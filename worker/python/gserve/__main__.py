# SPDX-License-Identifier: MIT
"""Where the processes of gserve start: `python3 -P -m gserve worker`, `template` or `hooks`. As a user's own
command, `python3 -m gserve`, it is the program gserve of a wheel."""
import os
import sys

from gserve import programs
from gserve.launch import LaunchError, started_by_supervisor, take_launch
from gserve.patching import patch

FAILED = 1


def main():
    if not started_by_supervisor(os.environ):
        programs.gserve()
    role = sys.argv.pop()
    try:
        launch = take_launch(os.environ)
    except LaunchError as error:
        print(f"gserve {role}: {error}", file=sys.stderr)
        return FAILED
    if role == "hooks":
        from gserve import boot, master_hooks
        boot.hide_main_module()
        return master_hooks.HookProcess(launch).run()
    problem = patch(launch.settings)
    # Not before: they import what was patched.
    from gserve import boot, forks, template, worker
    boot.hide_main_module()
    guard = forks.ForkGuard()
    if role == "template":
        return boot.live(template.Template(launch, guard, worker.Worker, problem=problem))
    return boot.live(worker.Worker(launch, guard, problem=problem))


if __name__ == "__main__":
    sys.exit(main())
