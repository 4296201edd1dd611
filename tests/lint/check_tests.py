"""Every test file is built or registered with ctest; tests wait for a state, not for time to pass."""

import json
import re
import subprocess

from lint import Finding, main, project_files

TEST_FILE = {
    "unit": re.compile(r"[a-z]+_\w+_test\.cpp"),
    "integration": re.compile(r"[a-z]+_\w+_test\.cpp"),
    "fuzz": re.compile(r"(\w+_fuzzer\.cpp|fuzzing\.h)"),
    "e2e": re.compile(r"(test_\w+|conftest)\.py"),
    "package": re.compile(r"(test_\w+|conftest)\.py"),
    "lint": re.compile(r"(check_\w+|lint)\.py"),
}
NO_WAITING = re.compile(r"\b(sleep_for|sleep_until|usleep|nanosleep|sleep)\s*\(")
# The places that may: they ask again until the state is there, one in a program of its own.
MAY_SLEEP = {"tests/support/py/waiting.py", "tests/support/py/recorder.py"}


def built_files(build):
    return {entry["file"] for entry in json.loads((build / "compile_commands.json").read_text())}


def registered_files(build):
    listing = subprocess.run(["ctest", "--show-only=json-v1"], cwd=build, check=True,
                             capture_output=True, text=True).stdout
    return {argument for test in json.loads(listing)["tests"] for argument in test.get("command", [])}


def check_registration(source, build, paths):
    built, registered = built_files(build), registered_files(build)
    for path in paths:
        kind, _, name = path.removeprefix("tests/").partition("/")
        full = str(source / path)
        if kind not in TEST_FILE or not path.endswith((".cpp", ".py")):
            continue
        if not TEST_FILE[kind].fullmatch(name):
            yield Finding(path, 1, f"has no name of a test of tests/{kind}: {TEST_FILE[kind].pattern}")
        elif name.endswith("_test.cpp") and full not in built:
            yield Finding(path, 1, "is not built (run cmake again, or see tests/CMakeLists.txt)")
        elif name.startswith(("test_", "check_")) and full not in registered:
            yield Finding(path, 1, "is not registered with ctest")


def check_waiting(source, paths):
    for path in paths:
        waits_badly = path.startswith("tests/unit/") or path.endswith(".py")
        if not waits_badly or path in MAY_SLEEP or path.startswith("tests/lint/"):
            continue
        for number, line in enumerate((source / path).read_text().splitlines(), 1):
            if NO_WAITING.search(line.split("#" if path.endswith(".py") else "//")[0]):
                yield Finding(path, number, "waits for time to pass; wait for a state, or take the "
                              "time as an argument")


def check(source, build):
    paths = [path for path in project_files(source)
             if path.startswith("tests/") and path.endswith((".cpp", ".h", ".py"))]
    yield from check_registration(source, build, paths)
    yield from check_waiting(source, paths)


if __name__ == "__main__":
    main(check)
