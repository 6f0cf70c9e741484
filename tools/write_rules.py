"""Writes docs/rules/ from the rules themselves, so that the two cannot disagree."""

from __future__ import annotations

from pathlib import Path

from apim_upgrade.checks import all_rules
from apim_upgrade.checks.pages import index, page

FOLDER = Path(__file__).parents[1] / "docs" / "rules"


def pages() -> dict[str, str]:
    """Return every page by the name of its file."""
    rules = all_rules()
    return {"README.md": index(rules), **{f"{rule.code}.md": page(rule) for rule in rules}}


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    wanted = pages()
    for file in FOLDER.glob("*.md"):
        if file.name not in wanted:
            file.unlink()
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
