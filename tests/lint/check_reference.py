"""docs/configuration.md and docs/man/freshet.toml.5 are what the settings table makes of them."""

import subprocess

from lint import Finding, main

WRITTEN = {"docs/configuration.md": "--markdown", "docs/man/freshet.toml.5": "--man"}


def check(source, build):
    program = build / "config_reference"
    for path, form in WRITTEN.items():
        run = subprocess.run([program, form], capture_output=True, text=True)
        if run.returncode:
            yield Finding("tools/config_reference.cpp", 1, run.stderr.strip())
        elif not (source / path).exists() or (source / path).read_text() != run.stdout:
            yield Finding(path, 1, f"is stale; run {program.name} {form} > {path}")


if __name__ == "__main__":
    main(check)
