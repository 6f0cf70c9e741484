"""The page of a rule, made from the rule itself: what ``apim-upgrade rule`` prints and ``docs/rules/`` holds."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from apim_upgrade.checks.rule import FAMILIES, INPUTS, Rule


def page(rule: Rule) -> str:
    """Return the page as Markdown."""
    facts = [
        f"| severity | {rule.severity} |",
        f"| repair | {rule.repair} |",
        f"| concerns | {rule.window.words()} |",
    ]
    if rule.needs:
        facts.append(f"| needs | {', '.join(f'`{INPUTS[name]}`' for name in rule.needs)} of upgrade.toml |")
    if rule.kinds:
        facts.append(f"| databases | {', '.join(rule.kinds)} |")
    if rule.problems:
        facts.append(f"| known failures | {', '.join(rule.problems)} |")
    if rule.sources:
        facts.append(f"| sources | {', '.join(rule.sources)} |")
    title = rule.title[0].upper() + rule.title[1:]
    sections = (
        ("What", rule.what),
        ("Why", rule.why),
        ("How it is found", rule.how_found),
        ("How to mend", rule.how_to_mend),
    )
    return "\n".join(
        [
            f"# {rule.code}: {title}",
            "",
            f"Family {rule.family}, {FAMILIES[rule.family]}.",
            "",
            "| | |",
            "| --- | --- |",
            *facts,
            *(line for name, text in sections for line in ("", f"## {name}", "", text)),
            "",
        ]
    )


def index(rules: Sequence[Rule]) -> str:
    """Return the list of all rules as Markdown, family by family."""
    lines = ["# Rules", "", "Written from the rules themselves by `python tools/write_rules.py`.", ""]
    for family, members in groupby(rules, lambda rule: rule.family):
        lines += [f"## {family}: {FAMILIES[family]}", "", "| code | severity | finds |", "| --- | --- | --- |"]
        lines += [f"| [{rule.code}]({rule.code}.md) | {rule.severity} | {rule.title} |" for rule in members]
        lines.append("")
    return "\n".join(lines)
