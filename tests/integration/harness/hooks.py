# SPDX-License-Identifier: MIT
"""A gserve whose hooks write down what they see."""
import json

from .waiting import wait_for

PRELUDE = """\
import json, os, time
def note(*words):
    with open({notes!r}, "a") as file:
        file.write(json.dumps([*words]) + "\\n")
"""


class Notes:
    """What the hooks of a configuration file have noted, each call a list."""

    def __init__(self, box, text):
        self.path = box.path("notes")
        open(self.path, "w").close()
        self.config = box.write("gunicorn.conf.py", PRELUDE.format(notes=self.path) + text)

    def all(self):
        with open(self.path, encoding="utf-8") as file:
            return [json.loads(line) for line in file]

    def of(self, name):
        return [words for words in self.all() if words[0] == name]

    def names(self):
        return [words[0] for words in self.all()]

    def wait(self, name, times=1):
        """The last words of the calls of `name`, once there are so many."""
        return wait_for(lambda: len(self.of(name)) >= times and self.of(name)[-1],
                        f"{times} calls of {name}; there are {self.all()}")
