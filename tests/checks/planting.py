"""
Plants faults in a sample estate and lets rules look at it.

A fault lives in a transaction that is rolled back, on the one sample that the worker has of a release, so a test costs
milliseconds. That a check is read only has a test of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from datetime import datetime
from typing import Any

from sqlalchemy import text

from apim_upgrade.checks import Baseline, Report, Reported, Subject, all_rules, check, selected
from apim_upgrade.estate import Estate, read_estate
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices
from apim_upgrade.releases import Release
from conftest import Pair, Server, kept_sample

NOW = datetime(2026, 3, 1, 12, 0, 0)


class Undone(Exception):
    """Ends a transaction without keeping it."""


class Field:
    """Where faults are planted: the clean samples of every release, one a worker."""

    def __init__(self, databases: Server) -> None:
        self._databases = databases
        self._estates: dict[str, Estate] = {}

    def estate(self, source: str = "4.2.0", pair: Pair | None = None, **shape: Any) -> Estate:
        """The inventory of a clean sample, or of a ``pair``."""
        there = pair or kept_sample(self._databases, source, **shape)
        key = there.am.address.database
        if key not in self._estates:
            self._estates[key] = read_estate(there.by_name(), source)
        return self._estates[key]

    def report(
        self,
        *codes: str,
        source: str = "4.2.0",
        target: str = "4.7.0",
        am: Iterable[str] = (),
        shared: Iterable[str] = (),
        choices: Choices | None = None,
        inputs: CheckChoices | None = None,
        baseline: Baseline | None = None,
        pair: Pair | None = None,
        estate: Estate | None = None,
        **shape: Any,
    ) -> Report:
        """
        Plant SQL statements in the databases ``am`` and ``shared`` and carry rules out (codes or their beginnings).

        The inventory (``subject.estate``) is the clean sample's, or the ``estate`` given; a fault in the databases that
        changes it needs a ``pair`` of its own.
        """
        there = pair or kept_sample(self._databases, source, **shape)
        inventory = estate or self.estate(source, there)
        rules = selected(all_rules(), codes, ())
        statements = {"am": list(am), "shared": list(shared)}
        try:
            with ExitStack() as stack:
                sessions = {name: stack.enter_context(each.write()) for name, each in there.by_name().items()}
                for name, session in sessions.items():
                    for statement in statements[name]:
                        session.execute(text(statement))
                subject = Subject(
                    sessions,
                    inventory,
                    Release.parse(target),
                    choices or Choices(),
                    inputs or CheckChoices(),
                    NOW,
                )
                report = check(subject, rules, baseline=baseline or Baseline(), listener=lambda event: None)
                raise Undone
        except Undone:
            return report

    def found(self, *codes: str, **planted: Any) -> list[Reported]:
        """The open findings; sees that every rule could be carried out."""
        report = self.report(*codes, **planted)
        assert [(each.rule.code, each.reason) for each in report.unchecked] == []
        assert report.tallies, [each.reason for each in report.left_out]
        return list(report.findings)
