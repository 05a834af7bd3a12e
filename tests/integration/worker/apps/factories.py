# SPDX-License-Identifier: MIT
"""What an application reference can point to."""


class Project:
    class web:
        @staticmethod
        def app(environ, start_response):
            return answer("dotted", start_response)

        @staticmethod
        def create(word):
            return make(word)


def answer(word, start_response):
    start_response("200 OK", [])
    return [word.encode()]


def make(word="default", *, times=1):
    return lambda environ, start_response: answer(word * times, start_response)


def application(environ, start_response):
    return answer("application", start_response)


def broken_factory():
    raise TypeError("raised inside the factory")


def nothing():
    return None


number = 42
