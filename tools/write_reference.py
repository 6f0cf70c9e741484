"""Writes docs/commands.md from the help texts of the commands, so that the two cannot disagree."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

from apim_upgrade.cli import main
from apim_upgrade.cli.app import COMMANDS

PAGE = Path(__file__).parents[1] / "docs" / "commands.md"


def reference() -> str:
    """Return the page."""
    parts = [
        "# Commands\n\nWritten from the help texts by `python tools/write_reference.py`.\n\n",
        f"```text\n{_help()}```\n",
    ]
    parts += [f"\n## {name}\n\n```text\n{_help(name)}```\n" for name in COMMANDS]
    return "".join(parts)


def _help(*command: str) -> str:
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        main([*command, "--help"])
    return "\n".join(line.rstrip() for line in text.getvalue().strip().splitlines()) + "\n"


if __name__ == "__main__":
    PAGE.write_text(reference(), encoding="utf-8")
