#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Adds up JUnit files (ctest's and pytest's) and closes with one line: N passed, N failed, N skipped.

usage: summary.py FILE.xml...    exit 1 if a test failed or none ran
"""
import sys
import xml.etree.ElementTree as ElementTree


def outcome(case):
    """passed, failed or skipped. ctest puts the verdict into status=, pytest only into child elements."""
    if case.find("failure") is not None or case.find("error") is not None or case.get("status") == "fail":
        return "failed"
    if case.find("skipped") is not None or case.get("status") in ("notrun", "disabled"):
        return "skipped"
    return "passed"


def main(paths):
    totals = {"passed": 0, "failed": 0, "skipped": 0}
    names = {"failed": [], "skipped": []}
    for path in paths:
        for case in ElementTree.parse(path).iter("testcase"):
            result = outcome(case)
            totals[result] += 1
            if result in names:
                names[result].append(f"{path}: {case.get('classname')} {case.get('name')}")
    for result, cases in names.items():
        for case in cases:
            print(f"{result}: {case}")
    print(", ".join(f"{count} {result}" for result, count in totals.items()))
    return 1 if totals["failed"] or not totals["passed"] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
