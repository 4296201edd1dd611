"""Text files hold no tabs, no blanks at line ends, end with a line end; src/ holds no to-do marks."""

import re

from lint import Finding, main, project_files

MAY_HAVE_TABS = re.compile(r"(^|/)(Makefile|.*\.(diff|patch|tsv))$|^tests/fuzz/(corpus|regressions)/")
TO_DO = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")


def check_line(path, number, line):
    if line.endswith("\r"):
        yield Finding(path, number, "ends with a carriage return")
    elif line != line.rstrip():
        yield Finding(path, number, "ends with blanks")
    if "\t" in line:
        yield Finding(path, number, "holds a tab")
    if path.startswith("src/") and (mark := TO_DO.search(line)):
        yield Finding(path, number, f"{mark.group()}: do it, or write an issue")


def check(source, _build):
    for path in project_files(source):
        data = (source / path).read_bytes()
        if b"\0" in data or MAY_HAVE_TABS.search(path) or not data:
            continue
        try:
            text = data.decode()
        except UnicodeDecodeError:
            yield Finding(path, 1, "is not UTF-8")
            continue
        lines = text.split("\n")
        if lines[-1]:
            yield Finding(path, len(lines), "does not end with a line end")
        elif len(lines) > 1 and not lines[-2]:
            yield Finding(path, len(lines) - 1, "ends with an empty line")
        for number, line in enumerate(lines, 1):
            yield from check_line(path, number, line)


if __name__ == "__main__":
    main(check)
