"""What the lints share: the project's files, findings as `file:line: message`, the exit status."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

CPP = {".cpp", ".h"}


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


def project_files(source: Path) -> list[str]:
    """Paths of what belongs to the project, relative to `source`: tracked, or new and not ignored."""
    try:
        listing = subprocess.run(
            ["git", "-c", f"safe.directory={source}", "-C", str(source), "ls-files", "-z",
             "--cached", "--others", "--exclude-standard", "."],
            check=True, capture_output=True, text=True).stdout.split("\0")
    except (OSError, subprocess.CalledProcessError):  # a copy that is no clone
        listing = [str(path.relative_to(source)) for path in source.rglob("*")]
        listing = [path for path in listing if not path.startswith(("build/", ".git/"))]
    return sorted(path for path in listing if path and (source / path).is_file())


def report(findings: list[Finding]) -> int:
    for finding in sorted(findings):
        print(finding)
    return 1 if findings else 0


def main(check) -> None:
    """Runs check(source_dir, build_dir), which returns findings, with the arguments of ctest."""
    if len(sys.argv) != 3:
        sys.exit(f"usage: {sys.argv[0]} SOURCE_DIR BUILD_DIR")
    sys.exit(report(list(check(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()))))
