"""Which rules are meant: codes or beginnings of codes, as ruff takes them; the longest beginning decides."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from apim_upgrade.checks.rule import Rule
from apim_upgrade.errors import ProjectError


def selected(rules: Sequence[Rule], select: Iterable[str], ignore: Iterable[str]) -> tuple[Rule, ...]:
    """
    Return the rules that were chosen; an empty ``select`` means all.

    Raises ProjectError for a code that no rule begins with.
    """
    chosen, left = _codes(select, rules, "--select"), _codes(ignore, rules, "--ignore")
    return tuple(rule for rule in rules if _longest(rule, chosen or ("",)) > _longest(rule, left))


def _codes(given: Iterable[str], rules: Sequence[Rule], option: str) -> tuple[str, ...]:
    codes = tuple(code.strip().upper() for text in given for code in text.split(",") if code.strip())
    codes = tuple("" if code == "ALL" else code for code in codes)
    for code in codes:
        if not any(rule.code.startswith(code) for rule in rules):
            raise ProjectError(f"{option}: no rule begins with {code}.", hint="`apim-upgrade rule` lists them all.")
    return codes


def _longest(rule: Rule, codes: Iterable[str]) -> int:
    return max((len(code) for code in codes if rule.code.startswith(code)), default=-1)
