"""The examples in the documents: fenced blocks, and the marks that say which test runs them.

A block that a test runs stands below a mark, <!-- KIND: NAME -->.
"""

import re
import textwrap
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[3]
DOCUMENTS = [SOURCE / "README.md", SOURCE / "CONTRIBUTING.md", *sorted((SOURCE / "docs").rglob("*.md"))]
FENCE = re.compile(r"( *)```(\w*)$")
MARK = re.compile(r" *<!-- (\w+): ([\w-]+) -->$")


@dataclass(frozen=True)
class Block:
    path: Path
    line: int
    language: str
    text: str
    mark: tuple[str, str] | None

    def __str__(self) -> str:
        return f"{self.path.relative_to(SOURCE)}:{self.line}"


def blocks_of(path: Path) -> list[Block]:
    found, mark, begin = [], None, None
    lines = path.read_text().split("\n")
    for number, line in enumerate(lines, 1):
        fence = FENCE.match(line)
        if begin is None and fence:
            begin = number, fence.group(2)
        elif begin and line.strip() == "```":
            text = textwrap.dedent("\n".join(lines[begin[0]:number - 1])) + "\n"
            found.append(Block(path, begin[0], begin[1], text, mark))
            begin = mark = None
        elif begin is None and line.strip():
            marked = MARK.match(line)
            mark = marked.groups() if marked else None
    return found


def all_blocks(*languages: str) -> list[Block]:
    return [block for path in DOCUMENTS for block in blocks_of(path) if block.language in languages]


def marked(kind: str, name: str) -> Block:
    found = [block for path in DOCUMENTS for block in blocks_of(path) if block.mark == (kind, name)]
    assert len(found) == 1, f"blocks below <!-- {kind}: {name} -->: {[str(block) for block in found]}"
    return found[0]


def marks() -> set[tuple[str, str]]:
    return {block.mark for path in DOCUMENTS for block in blocks_of(path) if block.mark}
