"""What every methods page must hold: a reader's question at its top and the topics that a reader looks for."""

from __future__ import annotations

import re
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "methods"
# A topic is held by a heading that contains one of its words; one heading may hold two ("Question and estimand").
TOPICS = {
    "question": ("question",),
    "estimand": ("estimand", "definition"),
    "assumptions": ("assumption",),
    "formula": ("formula",),
    "edge cases": ("edge cases",),
    "how it was verified": ("how it was verified",),
    "differs from": ("differs from",),
    "references": ("references",),
}


def pages() -> list[Path]:
    """Every methods page but the list of them."""
    return [path for path in sorted(FOLDER.glob("*.md")) if path.name != "index.md"]


def headings(text: str) -> list[str]:
    """The headings below the title, without code blocks, in small letters."""
    prose = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return [line.lstrip("#").strip().lower() for line in prose.splitlines() if re.match(r"#{2,3} ", line)]


def missing_topics(text: str) -> list[str]:
    """The topics that no heading of a page holds."""
    found = headings(text)
    return [topic for topic, words in TOPICS.items() if not any(word in heading for heading in found for word in words)]


def twice(text: str) -> list[str]:
    """Headings of the second level that stand more than once on a page."""
    found = headings(text)
    return sorted({heading for heading in found if found.count(heading) > 1})


def asks(text: str) -> bool:
    """Whether the title, or the first paragraph below it, asks a question."""
    blocks = [block for block in re.split(r"\n\s*\n", text.strip()) if not re.match(r"#{2,} [^\n]*$", block.strip())]
    return any("?" in block or "？" in block for block in blocks[:2])


if __name__ == "__main__":
    for page in pages():
        content = page.read_text(encoding="utf-8")
        problems = missing_topics(content) + [f"twice: {name}" for name in twice(content)]
        problems += [] if asks(content) else ["no question at the top"]
        if problems:
            print(f"{page.name}: {', '.join(problems)}")
