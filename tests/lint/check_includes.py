"""Each folder of src/ includes only what the architecture lets it; vendor headers stay in few files.

The table is the one of docs/architecture.md. An entry "http/message.h" allows that header alone.
"""

import re
from collections import defaultdict

from lint import CPP, Finding, main, project_files

EVERY_STAGE = ["base", "model", "config", "http", "webhook", "schedule", "remote", "mirror",
               "checkout", "notify", "sync", "state", "metrics", "admin", "service"]
MAY_INCLUDE = {
    "base": [],
    "model": ["base"],
    "config": ["base", "model"],
    "http": ["base"],
    "webhook": ["base", "model", "http/message.h"],
    "schedule": ["base", "model"],
    "remote": ["base", "model"],
    "mirror": ["base", "model"],
    "checkout": ["base", "model", "mirror"],
    "notify": ["base", "model"],
    "sync": ["base", "model", "remote", "mirror", "checkout"],
    "state": ["base", "model"],
    "metrics": ["base", "model", "state", "http/message.h"],
    "admin": ["base", "model", "state", "http/message.h"],
    "service": ["base", "model", "config", "state"],
    "app": EVERY_STAGE,
    "cli": ["app", "service", "config", "base", "model"],
}
# Vendor header -> folder -> how many of its files may include it.
MANY = 1000
VENDORS = {
    # In base: digests (hmac) and the signature of GitHub App tokens (rsa_sign), which share nothing.
    # In http: certificates (tls_context) and connections (tls_stream).
    r"openssl/": {"base": 2, "http": 2},
    r"spdlog/": {"base": 1},
    r"nlohmann/": {"base": 1},
    r"fmt/": {folder: MANY for folder in MAY_INCLUDE},
    r"tl/": {folder: MANY for folder in MAY_INCLUDE},
    r"toml\+\+/|toml\.hpp": {"config": 1},
    r"httplib\.h": {"http": 2},
    r"curl/": {"remote": 2},
    r"git2(\.h|/)": {"mirror": MANY, "checkout": MANY},
    r"sqlite3\.h": {"state": 1},
    r"systemd/": {"service": 1},
    r"CLI/": {"cli": MANY},
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')
# Folders of the system whose headers are no vendor's.
SYSTEM = re.compile(r"(sys|arpa|netinet|net|linux|asm)/[\w/]+\.h|\w+\.h|\w+")


def allowed(folder: str, header: str) -> bool:
    other = header.split("/", 1)[0]
    return other == folder or other in MAY_INCLUDE[folder] or header in MAY_INCLUDE[folder]


def vendor_of(header: str) -> str | None:
    return next((vendor for vendor in VENDORS if re.match(vendor, header)), None)


def includes(source, path):
    for number, line in enumerate((source / path).read_text().splitlines(), 1):
        if match := INCLUDE.match(line):
            yield number, match.group(1), match.group(2)


def check_own(source, path, folder, number, header):
    if not (source / "src" / header).is_file():
        yield Finding(path, number, f'"{header}" is no file of src/ (headers of others stand in <>)')
    elif not allowed(folder, header):
        yield Finding(path, number, f"{folder}/ may not include {header}; the table allows: "
                      + (" ".join(MAY_INCLUDE[folder]) or "nothing"))


def check_src(source, paths):
    users = defaultdict(list)  # (vendor, folder) -> [(path, line)]
    for path in paths:
        folder = path.split("/")[1]
        if folder not in MAY_INCLUDE:
            yield Finding(path, 1, f"{folder}/ is not in the table of tests/lint/check_includes.py")
            continue
        for number, bracket, header in includes(source, path):
            if bracket == '"':
                yield from check_own(source, path, folder, number, header)
            elif vendor := vendor_of(header):
                users[vendor, folder].append((path, number))
            elif not SYSTEM.fullmatch(header):
                yield Finding(path, number, f"<{header}> belongs to a library that is not in the table")
    for (vendor, folder), places in users.items():
        most = VENDORS[vendor].get(folder, 0)
        files = sorted({path for path, _ in places})
        for path, number in places:
            if path in files[most:]:
                yield Finding(path, number, f"{folder}/ may have {most} files with this library's "
                              f"headers, and has {len(files)}: {' '.join(files)}")


def check_tests(source, paths):
    """A unit test of a folder sees what the folder sees; support code is seen by all tests."""
    for path in paths:
        stem = path.rsplit("/", 1)[1].split("_", 1)[0]
        for number, bracket, header in includes(source, path):
            if bracket != '"' or header.startswith("support/"):
                continue
            if not (source / "src" / header).is_file():
                yield Finding(path, number, f'"{header}" is no file of src/ or tests/support/')
            elif stem in MAY_INCLUDE and not allowed(stem, header):
                yield Finding(path, number, f"a test of {stem}/ may not include {header}")


def check(source, _build):
    files = [path for path in project_files(source) if path[path.rfind("."):] in CPP]
    yield from check_src(source, [path for path in files if re.match(r"src/[^/]+/", path)])
    yield from check_tests(
        source, [path for path in files if re.match(r"tests/(unit|integration)/", path)])


if __name__ == "__main__":
    main(check)
