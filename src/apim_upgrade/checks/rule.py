"""
What a rule is, and where all of them are found.

A rule is one function with a code. Its docstring is its page: the paragraphs ``What:``, ``Why:``, ``How found:`` and
``How to mend:``. Modules below ``rules/`` are found by themselves; no list names them.
"""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module
from inspect import getdoc
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from apim_upgrade.checks.model import Finding, Repair, Severity
from apim_upgrade.errors import KnowledgeError
from apim_upgrade.releases import Release

if TYPE_CHECKING:
    from apim_upgrade.checks.subject import Subject

FAMILIES = {
    "API": "APIs and products",
    "APP": "applications, subscriptions and keys",
    "CFG": "configuration",
    "DB": "database",
    "DEF": "API definitions",
    "ENV": "platform",
    "GW": "gateways",
    "IDN": "identity and tenants",
    "REG": "registry",
    "SEC": "key stores and secrets",
}
"""The letters before the number of a code."""

INPUTS = {
    "truststore": "options.truststore",
    "keystores": "check.keystore",
    "configuration": "check.configuration",
    "target_configuration": "check.target_configuration",
    "home": "check.home",
}
"""What a rule may need besides the databases, and the key of upgrade.toml that gives it."""

_SECTIONS = ("What", "Why", "How found", "How to mend")
_CODE = re.compile(r"([A-Z]+)(\d{3})")

Check: TypeAlias = "Callable[[Subject], Iterator[Finding]]"
_Function = TypeVar("_Function", bound=Callable[..., Iterator[Finding]])


@dataclass(frozen=True, slots=True)
class Window:
    """
    The jumps that a rule concerns.

    ``since`` and ``until`` are about what lies between: the problem came with ``since`` (the jump has to pass into
    it), and is gone again from ``until`` on (the target has to be older). ``source_since`` and ``source_until`` say
    which sources have the data (until: excluded), ``target_since`` which targets suffer, wherever one comes from.
    """

    since: Release | None = None
    until: Release | None = None
    source_since: Release | None = None
    source_until: Release | None = None
    target_since: Release | None = None

    def admits(self, source: Release, target: Release) -> bool:
        """Say whether an upgrade from ``source`` to ``target`` is concerned."""
        return (
            (self.since is None or source < self.since <= target)
            and (self.until is None or target < self.until)
            and (self.source_since is None or source >= self.source_since)
            and (self.source_until is None or source < self.source_until)
            and (self.target_since is None or target >= self.target_since)
        )

    def words(self) -> str:
        """Say the same in words."""
        parts = []
        if self.source_since:
            parts.append(f"from {self.source_since} on")
        if self.source_until:
            parts.append(f"from releases before {self.source_until}")
        if self.since:
            parts.append(f"into {self.since} or past it")
        if self.target_since:
            parts.append(f"to {self.target_since} or later")
        if self.until:
            parts.append(f"to releases before {self.until}")
        return f"Upgrades {', '.join(parts)}" if parts else "Every upgrade"


@dataclass(frozen=True, slots=True, eq=False)
class Rule:
    """One rule; ``severity`` is the worst that it gives."""

    code: str
    severity: Severity
    title: str
    repair: Repair
    function: Check = field(repr=False)
    what: str = field(repr=False)
    why: str = field(repr=False)
    how_found: str = field(repr=False)
    how_to_mend: str = field(repr=False)
    window: Window
    needs: tuple[str, ...]
    """Keys of :data:`INPUTS`."""
    kinds: tuple[str, ...]
    """The DBMS that it is about; empty for all."""
    problems: tuple[str, ...]
    """Known failures (``problems.json``) that it foresees."""
    sources: tuple[str, ...]
    """Where it is known from, such as ``wso2/api-manager#748``."""

    @property
    def family(self) -> str:
        """The letters of the code."""
        return self.code.rstrip("0123456789")


_RULES: dict[str, Rule] = {}


def rule(
    code: str,
    severity: Severity,
    *,
    title: str,
    repair: Repair = Repair.MANUAL,
    since: str | None = None,
    until: str | None = None,
    source_since: str | None = None,
    source_until: str | None = None,
    target_since: str | None = None,
    needs: tuple[str, ...] = (),
    kinds: tuple[str, ...] = (),
    problems: tuple[str, ...] = (),
    sources: tuple[str, ...] = (),
) -> Callable[[_Function], _Function]:
    """
    Make a rule of a function; for the releases see :class:`Window`.

    Raises KnowledgeError where the code is taken or of no family, or a section of the docstring is missing.
    """
    window = Window(*(_release(each) for each in (since, until, source_since, source_until, target_since)))

    def register(function: _Function) -> _Function:
        match = _CODE.fullmatch(code)
        if match is None or match[1] not in FAMILIES:
            raise KnowledgeError(f"{code} is no code of a rule: letters of a family and three digits.")
        # A module that is loaded a second time defines its rules anew.
        if code in _RULES and _place(_RULES[code].function) != _place(function):
            raise KnowledgeError(f"Two rules have the code {code}.")
        if unknown := set(needs) - INPUTS.keys():
            raise KnowledgeError(f"{code} needs {', '.join(sorted(unknown))}, which cannot be given.")
        what, why, how_found, how_to_mend = _told(code, getdoc(function) or "")
        _RULES[code] = Rule(
            code,
            severity,
            title,
            repair,
            function,
            what,
            why,
            how_found,
            how_to_mend,
            window,
            needs,
            kinds,
            problems,
            sources,
        )
        return function

    return register


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule, in order of code."""
    from apim_upgrade.checks import rules

    for module in pkgutil.walk_packages(rules.__path__, f"{rules.__name__}."):
        import_module(module.name)
    return tuple(_RULES[code] for code in sorted(_RULES))


def _place(function: Check) -> tuple[str, str]:
    return function.__module__, function.__qualname__


def _release(text: str | None) -> Release | None:
    return None if text is None else Release.parse(text)


def _told(code: str, page: str) -> tuple[str, ...]:
    """The text of every section; paragraphs stay apart, lines of one are joined."""
    found: dict[str, list[str]] = {}
    current: list[str] | None = None
    for paragraph in re.split(r"\n\s*\n", page):
        name, colon, rest = paragraph.partition(":")
        if colon and name.strip() in _SECTIONS:
            current = found.setdefault(name.strip(), [])
        else:
            rest = paragraph
        if current is not None:
            listed = rest.lstrip().startswith("- ")
            current.append(rest.strip() if listed else " ".join(rest.split()))
    if missing := [name for name in _SECTIONS if not any(found.get(name, ()))]:
        raise KnowledgeError(f"The docstring of rule {code} lacks {', '.join(missing)}.")
    return tuple("\n\n".join(found[name]) for name in _SECTIONS)
