"""Documents: what they link to exists, headings included; every fence is closed and says what it holds.

Below docs/ every document can be reached from docs/README.md.
"""

import posixpath
import re
from pathlib import Path
from urllib.parse import unquote

from lint import Finding, main, project_files

LINK = re.compile(r"!?\[(?:[^\[\]]|\[[^\]]*\])*\]\(([^()\s]+)\)")
HTML_LINK = re.compile(r"<(?:a|img|source)\b[^>]*?\b(?:href|src|srcset)=\"([^\"]+)\"")
FENCE = re.compile(r" *(```+)(.*)")
HEADING = re.compile(r"#{1,6} +(.+?) *#*$")
CODE = re.compile(r"`[^`]*`")
INDEX = "docs/README.md"


def prose(text):
    """(number, line) of every line outside of fences."""
    fence = None
    for number, line in enumerate(text.split("\n"), 1):
        found = FENCE.fullmatch(line)
        if found and fence is None:
            fence = found.group(1)
        elif found and found.group(1) == fence and not found.group(2).strip():
            fence = None
        elif fence is None:
            yield number, line


def anchors(text):
    """The names that GitHub gives to the headings."""
    names = set()
    for _, line in prose(text):
        heading = HEADING.fullmatch(line)
        if not heading:
            continue
        words = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", heading.group(1)).lower()
        name = re.sub(r"[^\w\- ]", "", words).replace(" ", "-")
        count = 0
        unique = name
        while unique in names:
            count += 1
            unique = f"{name}-{count}"
        names.add(unique)
    return names


def links(text):
    for number, line in prose(text):
        bare = CODE.sub(lambda code: " " * len(code.group()), line)
        for pattern in (LINK, HTML_LINK):
            yield from ((number, link.group(1)) for link in pattern.finditer(bare))


def check_fences(path, text):
    fence, begin = None, 0
    for number, line in enumerate(text.split("\n"), 1):
        found = FENCE.fullmatch(line)
        if not found:
            continue
        if fence is None:
            fence, begin = found.group(1), number
            if not found.group(2).strip():
                yield Finding(path, number, "a block that does not say what it holds; ```text for anything")
        elif found.group(1) == fence and not found.group(2).strip():
            fence = None
    if fence:
        yield Finding(path, begin, "a block without an end")


def target_of(path, link):
    """(file, anchor) that a link of this project leads to; None: it leads elsewhere."""
    if re.match(r"[a-z][a-z0-9+.-]*:", link):
        return None
    file, _, anchor = unquote(link).partition("#")
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), file)) if file else path, anchor


def check(source: Path, _build):
    texts = {path: (source / path).read_text() for path in project_files(source) if path.endswith(".md")}
    targets = {}
    for path, text in texts.items():
        yield from check_fences(path, text)
        targets[path] = set()
        for number, link in sorted(set(links(text))):
            target = target_of(path, link)
            if target is None:
                continue
            file, anchor = target
            targets[path].add(file)
            if not (source / file).exists():
                yield Finding(path, number, f"leads to {file}, which does not exist")
            elif anchor and file in texts and anchor not in anchors(texts[file]):
                yield Finding(path, number, f"leads to the heading #{anchor}, which {file} does not have")
    reached, waiting = set(), [INDEX]
    while waiting:
        path = waiting.pop()
        if path not in reached:
            reached.add(path)
            waiting += targets.get(path, ())
    for path in sorted(texts):
        if path.startswith("docs/") and path not in reached:
            yield Finding(path, 1, f"cannot be reached from {INDEX}")


if __name__ == "__main__":
    main(check)
