# SPDX-License-Identifier: MIT
"""Links in the documentation lead somewhere."""
import os
import re
import subprocess

import pytest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
PAGES = subprocess.run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
                       capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_links_to_is_there(page):
    with open(os.path.join(ROOT, page), encoding="utf-8") as file:
        targets = [target for target in LINK.findall(file.read()) if "://" not in target]
    missing = [target for target in targets if not os.path.exists(os.path.join(ROOT, os.path.dirname(page), target))]
    assert not missing


def test_the_guide_lists_its_pages():
    guide = os.path.join(ROOT, "docs/guide")
    with open(os.path.join(guide, "README.md"), encoding="utf-8") as file:
        listed = set(LINK.findall(file.read()))
    assert set(os.listdir(guide)) - {"README.md"} <= listed


def test_each_decision_has_a_number_of_its_own():
    names = sorted(name for name in os.listdir(os.path.join(ROOT, "docs/adr")) if name != "README.md")
    assert [name[:4] for name in names] == [f"{number:04}" for number in range(1, len(names) + 1)]
    for name in names:
        with open(os.path.join(ROOT, "docs/adr", name), encoding="utf-8") as file:
            assert file.readline().startswith(f"# {int(name[:4])}. ")
