"""clang's thread-safety analysis of every source that holds a mutex, without building it.

The preset thread-safety does the same for a whole build; this is quick enough for every test run.
"""

import json
import os
import re
import shlex
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from lint import Finding, main

COMPILER = "clang++-14"
FLAGS = ["-fsyntax-only", "-Wno-everything", "-Wthread-safety", "-Wthread-safety-beta", "-Werror"]
OWN_INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)
COMPLAINT = re.compile(r"^([^:\n]+):(\d+):\d+: (?:fatal )?(?:error|warning): (.*)$", re.MULTILINE)


def headers_of(source, path, seen):
    """The project's headers that `path` includes, directly or not, into `seen`."""
    for header in OWN_INCLUDE.findall(path.read_text()):
        included = source / "src" / header
        if included not in seen and included.is_file():
            seen.add(included)
            headers_of(source, included, seen)
    return seen


def arguments(entry):
    """The entry's command for clang: of its flags, those that decide what the code means."""
    words = shlex.split(entry["command"])
    kept = [word for word in words if word.startswith(("-I", "-D", "-std="))]
    for flag, value in zip(words, words[1:]):
        if flag == "-isystem":
            kept += [flag, value]
    return [COMPILER, *kept, *FLAGS, entry["file"]]


def check(source, build):
    if not shutil.which(COMPILER):
        return [Finding("CMakePresets.json", 1, f"{COMPILER} is not installed")]
    entries = [entry for entry in json.loads((build / "compile_commands.json").read_text())
               if Path(entry["file"]).is_relative_to(source / "src") and Path(entry["file"]).is_file()]
    mutex = source / "src/base/mutex.h"
    entries = [entry for entry in entries if mutex in headers_of(source, Path(entry["file"]), set())]

    def complaints(entry):
        run = subprocess.run(arguments(entry), cwd=entry["directory"], capture_output=True, text=True)
        found = [Finding(os.path.relpath(path, source), int(line), message)
                 for path, line, message in COMPLAINT.findall(run.stderr)]
        if run.returncode and not found:
            found = [Finding(os.path.relpath(entry["file"], source), 1, run.stderr.strip())]
        return found

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sorted({finding for found in pool.map(complaints, entries) for finding in found})


if __name__ == "__main__":
    main(check)
