"""C++ files are formatted as .clang-format says (clang-format-14, from Debian 12)."""

import os
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor

from lint import CPP, Finding, main, project_files

PROGRAM = "clang-format-14"
COMPLAINT = re.compile(r"^(?P<path>[^:\n]+):(?P<line>\d+):\d+: error: ", re.MULTILINE)
FILES_AT_ONCE = 25


def check(source, _build):
    if not shutil.which(PROGRAM):
        return [Finding(".clang-format", 1, f"{PROGRAM} is not installed")]
    files = [path for path in project_files(source)
             if path[path.rfind("."):] in CPP and path.startswith(("src/", "tests/"))]
    chunks = [files[i:i + FILES_AT_ONCE] for i in range(0, len(files), FILES_AT_ONCE)]

    def complaints(chunk):
        run = subprocess.run([PROGRAM, "--dry-run", "-Werror", *chunk], cwd=source,
                             capture_output=True, text=True)
        found = {}  # one finding a file: the first line that differs
        for match in COMPLAINT.finditer(run.stderr):
            found.setdefault(match["path"], int(match["line"]))
        if run.returncode and not found:
            found[chunk[0]] = 1
        return [Finding(path, line, f"is not formatted; run {PROGRAM} -i {path}")
                for path, line in found.items()]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [finding for found in pool.map(complaints, chunks) for finding in found]


if __name__ == "__main__":
    main(check)
