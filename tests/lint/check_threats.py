"""docs/security.md: every threat in its tables names a test that holds it off, and each of those exists.

A threat is a row of a table that begins with a letter and a number; its tests stand below the tables as
"- U1: `e2e/test_x.py::test_name`, `unit/x_test.cpp::Suite.Name`", by their files below tests/. A fuzzer is
named by its file alone.
"""

import re

from lint import Finding, main

DOCUMENT = "docs/security.md"
THREAT = re.compile(r"\| *([A-Z][0-9]+) *\|")
HELD = re.compile(r"- ([A-Z][0-9]+): ")
TEST = re.compile(r"`([\w/]+\.(?:py|cpp))(?:::([\w.]+))?`")
PYTHON = re.compile(r"^ *def (test_\w+)\(", re.MULTILINE)
GTEST = re.compile(r"^(?:TYPED_)?TEST(?:_F|_P)?\(\s*(\w+),\s*(\w+)\)", re.MULTILINE)


def tests_in(path):
    text = path.read_text()
    return set(PYTHON.findall(text)) if path.suffix == ".py" else {".".join(found) for found in GTEST.findall(text)}


def problem_with(source, file, name):
    """Why the test that is named is none; None: it exists."""
    path = source / "tests" / file
    if not path.is_file():
        return f"names tests/{file}, which does not exist"
    if name and name not in tests_in(path):
        return f"names {name}, which tests/{file} does not have"
    if not name and not file.startswith("fuzz/"):
        return f"names no test of tests/{file}"
    return None


def check(source, _build):
    document = source / DOCUMENT
    if not document.is_file():
        return
    threats, held, current = {}, {}, None
    for number, line in enumerate(document.read_text().split("\n"), 1):
        if threat := THREAT.match(line):
            if threat.group(1) in threats:
                yield Finding(DOCUMENT, number, f"{threat.group(1)} is the name of another threat")
            threats[threat.group(1)] = number
        if begin := HELD.match(line):
            current = begin.group(1)
            held.setdefault(current, []).append(number)
        elif not line.startswith("  "):
            current = None
        tests = TEST.findall(line) if current else []
        if begin and not tests:
            yield Finding(DOCUMENT, number, f"names no test that holds {current} off")
        for file, name in tests:
            if problem := problem_with(source, file, name):
                yield Finding(DOCUMENT, number, problem)
    for threat in threats.keys() - held.keys():
        yield Finding(DOCUMENT, threats[threat], f"no test holds {threat} off")
    for threat, numbers in held.items():
        if threat not in threats:
            yield Finding(DOCUMENT, numbers[0], f"no table has {threat}")
        elif len(numbers) > 1:
            yield Finding(DOCUMENT, numbers[1], f"{threat} has its tests above already")


if __name__ == "__main__":
    main(check)
