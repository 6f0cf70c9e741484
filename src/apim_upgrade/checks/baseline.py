"""
The baseline: known findings that somebody has accepted, with a reason and, best, a day on which that ends.

A TOML file of entries::

    [[accept]]
    code = "REG001"
    item = "carbon.super/Old*/*"   # optional; * and ? as in file names
    reason = "Retired in March; nobody calls them."
    expires = 2027-03-31           # optional; from the day after it counts again
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from apim_upgrade.checks.model import Acceptance
from apim_upgrade.checks.rule import Rule
from apim_upgrade.errors import ProjectError


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class _Accept(_Table):
    code: str
    item: str = "*"
    reason: str = Field(min_length=1)
    expires: date | None = None


class _Document(_Table):
    accept: list[_Accept] = []


@dataclass(slots=True)
class Baseline:
    """Acceptances on one day; remembers which of them were used."""

    acceptances: Sequence[Acceptance] = ()
    today: date = date.min
    _used: set[Acceptance] = field(default_factory=set)

    def reason(self, code: str, item: str) -> str:
        """Return why a finding is accepted; empty text when it is not."""
        for acceptance in self.acceptances:
            if acceptance.code == code and fnmatchcase(item, acceptance.item):
                self._used.add(acceptance)
                if not self._expired(acceptance):
                    return acceptance.reason
        return ""

    def remarks(self, checked: Iterable[Rule]) -> tuple[str, ...]:
        """Say what has expired and what nothing matched, of rules that were carried out."""
        codes = {rule.code for rule in checked}
        told = []
        for acceptance in self.acceptances:
            name = f"{acceptance.code} for {acceptance.item!r} ({acceptance.reason})"
            if acceptance in self._used and self._expired(acceptance):
                told.append(f"accepted until {acceptance.expires}, counts again: {name}")
            elif acceptance not in self._used and acceptance.code in codes:
                told.append(f"accepted, but no longer found: {name}; take it out of the baseline")
        return tuple(told)

    def _expired(self, acceptance: Acceptance) -> bool:
        return acceptance.expires is not None and acceptance.expires < self.today


def read_baseline(file: Path | None, rules: Sequence[Rule], today: date) -> Baseline:
    """Read a baseline; None is an empty one. Raises ProjectError with every problem of the file."""
    if file is None:
        return Baseline((), today)
    try:
        raw: dict[str, Any] = tomllib.loads(file.read_text(encoding="utf-8-sig"))
        document = _Document.model_validate(raw)
    except OSError as error:
        raise ProjectError(f"The baseline {file} cannot be read: {error.strerror}.") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ProjectError(f"The baseline {file} is not TOML: {error}.", hint="Mend that line.") from None
    except ValidationError as error:
        told = "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'])}: {problem['msg']}" for problem in error.errors()
        )
        raise ProjectError(f"The baseline {file}: {told}.", hint="Each [[accept]] has code and reason.") from None
    known = {rule.code for rule in rules}
    if unknown := sorted({entry.code for entry in document.accept} - known):
        raise ProjectError(
            f"The baseline {file} names rules that do not exist: {', '.join(unknown)}.",
            hint="`apim-upgrade rule` lists them all; an entry takes one whole code.",
        )
    return Baseline([Acceptance(e.code, e.reason, e.item, e.expires) for e in document.accept], today)
