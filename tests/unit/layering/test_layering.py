# SPDX-License-Identifier: MIT
"""The include rules of docs/architecture.md, file by file. The linker cannot see these faults: system headers are
always there."""
import os
import re
import subprocess

import pytest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../../.."))
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.MULTILINE)

STANDARD = set("""
algorithm any array atomic barrier bit bitset charconv chrono compare complex concepts condition_variable coroutine deque
exception execution filesystem forward_list fstream functional future initializer_list iomanip ios iosfwd iostream
istream iterator latch limits list locale map memory memory_resource mutex new numbers numeric optional ostream queue
random ranges ratio regex scoped_allocator semaphore set shared_mutex source_location span sstream stack stdexcept
stop_token streambuf string string_view system_error thread tuple type_traits typeindex typeinfo unordered_map
unordered_set utility valarray variant vector version
cassert cctype cerrno cfenv cfloat cinttypes climits clocale cmath csetjmp csignal cstdarg cstddef cstdint cstdio
cstdlib cstring ctime cuchar cwchar cwctype
""".split())
# Headers of the standard library through which a system call or a clock would come into the core.
IMPURE = {"fstream", "filesystem", "iostream", "ctime", "thread", "mutex", "future", "condition_variable"}
IMPURE_CALL = re.compile(r"clock::now\(|clock_gettime|random_device|std::(raise|signal|system|getenv|fopen|printf"
                         r"|fprintf|puts|remove|rename|time)\s*\(")

# Who may include whose headers, folder by folder (the longest match counts).
FOLDERS = {
    "common": {"common"},
    "supervisor/core": {"supervisor/core"},
    "supervisor/ports": {"supervisor/core", "supervisor/ports", "common"},
    "supervisor/config": {"supervisor/config", "supervisor/core", "common"},
    "supervisor/io": {"supervisor/io", "supervisor/ports", "supervisor/core", "supervisor/config", "common"},
    "supervisor": {"supervisor", "supervisor/io", "supervisor/ports", "supervisor/core", "supervisor/config", "common"},
    "worker/http": {"worker/http", "common"},
    "worker/net": {"worker/net", "worker/http", "common"},
    "worker/wsgi": {"worker/wsgi", "worker/net", "worker/http", "common"},
    "ctl": {"ctl", "common"},
}

# One external API, one place: pattern of the include -> files (regular expression) that may have it.
PLACES = {
    r"boost/beast/.*": r"supervisor/io/admin_server\.cpp",
    r"boost/process.*": r"supervisor/io/process_launcher\.cpp",
    r"boost/.*": r"supervisor/(io/.*\.(cpp|h)|main\.cpp)",
    r"systemd/sd-bus.*": r"supervisor/io/sd_bus_control\w*\.(cpp|h)|ctl/bus_\w+\.(cpp|h)",
    r"systemd/sd-daemon\.h": r"supervisor/io/\w+\.cpp",
    r"systemd/sd-journal\.h": r"supervisor/io/journal_entries\.cpp",
    r"systemd/sd-event\.h": r"",
    r"sys/wait\.h": r"supervisor/io/reaper\.cpp",
    r"CLI/.*": r"supervisor/config/\w+\.cpp|supervisor/io/\w+\.cpp|ctl/\w+\.cpp",
    r"toml\+\+/.*": r"supervisor/config/\w+\.cpp",
    r"nlohmann/.*": r"supervisor/(config|io)/\w+\.cpp|ctl/\w+\.cpp",
    r"spdlog/.*|fmt/.*": r"supervisor/io/\w*log\w*\.(cpp|h)",
    r"Python\.h": r"worker/wsgi/\w+\.(cpp|h)",
    r"openssl/.*": r"worker/net/tls_session\.cpp|common/tls_context\.cpp",
    r"sys/epoll\.h": r"worker/net/\w+\.(cpp|h)",
}
# One file each. sd-bus is one API that two programs speak, each in a family of files.
SINGLE = {
    "CLI": r"CLI/.*",
    "spdlog": r"spdlog/.*",
    "Boost.Process": r"boost/process.*",
    "waitid": r"sys/wait\.h",
}


def tracked():
    """Source files of the programs; untracked new ones count too."""
    done = subprocess.run(["git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard"],
                          capture_output=True, text=True, check=True)
    return [path for path in done.stdout.splitlines() if os.path.exists(os.path.join(ROOT, path))]


def text_of(path):
    with open(os.path.join(ROOT, path), encoding="utf-8") as file:
        return file.read()


FILES = tracked()
SOURCES = [path for path in FILES if re.match(r"(common|supervisor|worker|ctl)/.*\.(cpp|h|in)$", path)]
INCLUDES = {path: INCLUDE.findall(text_of(path)) for path in SOURCES}


def program(path):
    return path.split("/")[0]


def folder_of(path):
    folder = os.path.dirname(path)
    while folder and folder not in FOLDERS:
        folder = os.path.dirname(folder)
    return folder


def report(offenders):
    assert not offenders, "\n" + "\n".join(offenders)


def own(kind, name):
    return kind == '"'


def test_there_is_something_to_check():
    assert len(SOURCES) > 20


def test_core_uses_the_standard_library_only():
    report([f"{path}: <{name}> is not of the standard library" for path in SOURCES if "supervisor/core/" in path
            for kind, name in INCLUDES[path] if kind == "<" and name not in STANDARD])


def test_core_reaches_no_system_and_no_clock():
    faults = [f"{path}: <{name}> reaches outside" for path in SOURCES if "supervisor/core/" in path
              for kind, name in INCLUDES[path] if name in IMPURE]
    for path in SOURCES:
        found = IMPURE_CALL.search(re.sub(r"//.*", "", text_of(path))) if "supervisor/core/" in path else None
        faults += [f"{path}: {found.group(0)} reaches outside"] if found else []
    report(faults)


def test_ports_use_the_core_and_the_standard_library_only():
    report([f"{path}: <{name}>" for path in SOURCES if path.startswith("supervisor/ports/")
            for kind, name in INCLUDES[path] if kind == "<" and name not in STANDARD])


def test_each_folder_includes_only_what_the_architecture_lets_it():
    faults = []
    for path in SOURCES:
        for kind, name in INCLUDES[path]:
            if own(kind, name) and folder_of(name) not in FOLDERS.get(folder_of(path), set()):
                faults.append(f'{path}: may not include "{name}"')
    report(faults)


def test_own_headers_are_included_from_the_project_root():
    report([f'{path}: "{name}" is no path from the root' for path in SOURCES for kind, name in INCLUDES[path]
            if own(kind, name) and name != "common/version.h" and not os.path.exists(os.path.join(ROOT, name))])


@pytest.mark.parametrize("api", PLACES)
def test_external_api_stays_in_its_place(api):
    specific = [other for other in PLACES if other != api and other.startswith(api.split(".*")[0])]
    report([f"{path}: <{name}> belongs in {PLACES[api] or 'no file'}" for path in SOURCES
            for kind, name in INCLUDES[path] if re.fullmatch(api, name)
            and not any(re.fullmatch(other, name) for other in specific) and not re.fullmatch(PLACES[api], path)])


@pytest.mark.parametrize("name", SINGLE)
def test_external_api_has_one_file_in_each_program(name):
    users = {}
    for path in SOURCES:
        if any(re.fullmatch(SINGLE[name], include) for _, include in INCLUDES[path]):
            users.setdefault((program(path), os.path.splitext(path)[0]), []).append(path)
    for owner in {owner for owner, _ in users}:
        stems = [stem for who, stem in users if who == owner]
        assert len(stems) == 1, f"{name} in more than one place of {owner}/: {', '.join(sorted(stems))}"


def test_only_the_reaper_waits_for_processes():
    report([f"{path}: waits for processes" for path in SOURCES if path.startswith("supervisor/")
            and path != "supervisor/io/reaper.cpp"
            and re.search(r"\b(waitid|waitpid|wait3|wait4)\s*\(", re.sub(r"//.*", "", text_of(path)))])


def test_worker_below_wsgi_knows_no_python():
    report([f"{path}: mentions the Python API" for path in SOURCES if re.match(r"worker/(http|net)/", path)
            and re.search(r"\bPy[A-Z_]\w+|Python\.h", re.sub(r"//.*", "", text_of(path)))])


def test_nothing_outside_includes_worker_or_ctl():
    report([f'{path}: "{name}"' for path in SOURCES for kind, name in INCLUDES[path]
            if own(kind, name) and program(name) in ("worker", "ctl") and program(name) != program(path)])


def test_every_header_is_guarded():
    report([path for path in SOURCES if path.endswith(".h") and "#pragma once" not in text_of(path)])


def test_every_source_names_its_licence():
    kinds = re.compile(r"(.*\.(cpp|h|py|sh|cmake|service)|.*CMakeLists\.txt|dev|\.ci/run)$")
    report([path for path in FILES if kinds.match(path)
            and "SPDX-License-Identifier: MIT" not in "\n".join(text_of(path).splitlines()[:2])])
