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
