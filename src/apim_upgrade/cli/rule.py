"""``rule``: what the checks look for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from apim_upgrade.cli.output import make_table
from apim_upgrade.cli.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from apim_upgrade.checks import Rule


def command(
    settings: Settings,
    code: Annotated[
        str | None,
        typer.Argument(metavar="[CODE]", help="A code such as REG001, or the beginning of some, such as REG."),
    ] = None,
) -> None:
    """
    Explain a rule of `check`: what it finds, why that matters, how it is found and how it is mended.

    Without a code, or with the beginning of several, all of them are listed.
    """
    from apim_upgrade.checks import all_rules, selected
    from apim_upgrade.checks.outputs.document import described

    rules = selected(all_rules(), [code] if code else [], [])
    settings.output.result("rule", {"rules": [described(rule) for rule in rules]}, lambda: _text(rules))


def _text(rules: tuple[Rule, ...]) -> Iterator[RenderableType]:
    from apim_upgrade.checks.pages import page

    if len(rules) == 1:
        yield page(rules[0]).rstrip("\n")
        return
    yield make_table(
        f"{len(rules)} rules",
        ("code", "severity", "repair", "finds", "concerns"),
        ((rule.code, str(rule.severity), str(rule.repair), rule.title, rule.window.words()) for rule in rules),
        words=5,
    )
