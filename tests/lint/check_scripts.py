"""Shell scripts parse, are executable and please shellcheck where it is installed."""

import os
import shutil
import subprocess

from lint import Finding, main, project_files


def is_script(source, path):
    with open(source / path, "rb") as file:
        return file.read(2) == b"#!"


def check(source, _build):
    for path in project_files(source):
        if not is_script(source, path):
            if path.startswith(("scripts/", ".ci/")):
                yield Finding(path, 1, "does not begin with #!")
            continue
        first = (source / path).read_text().split("\n", 1)[0]
        if not os.access(source / path, os.X_OK):
            yield Finding(path, 1, "is not executable")
        if not first.endswith(("bash", "/sh")):
            continue
        shell = first.replace("/", " ").split()[-1]
        parsed = subprocess.run([shell, "-n", path], cwd=source, capture_output=True, text=True)
        if parsed.returncode:
            yield Finding(path, 1, parsed.stderr.strip())
        elif shutil.which("shellcheck"):
            yield from shellcheck(source, path)


def shellcheck(source, path):
    run = subprocess.run(["shellcheck", "-f", "gcc", path], cwd=source, capture_output=True, text=True)
    for line in run.stdout.splitlines():
        _, number, _, message = line.split(":", 3)
        yield Finding(path, int(number), message.strip())


if __name__ == "__main__":
    main(check)
