"""The plan: what a run would do, in order, with counts, bound to the estate it was made for."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from apim_upgrade import __version__
from apim_upgrade.engine import Database, Session, Step
from apim_upgrade.planning.volume import Facts, volume_of

FORM = "apim-upgrade/plan/1"


@dataclass(frozen=True, slots=True)
class PlannedStep:
    """
    One step as a reader of the plan sees it; ``items`` is None where nothing can be counted beforehand.

    ``rows`` and ``size`` (bytes) are those of the tables that the step has to do with, as the server estimates them.
    """

    name: str
    title: str
    database: str
    phase: str
    items: int | None
    rows: int = 0
    size: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """The ordered steps for one estate."""

    source: str
    target: str
    estate: str
    """Fingerprint of the estate that the plan was made for."""
    steps: tuple[PlannedStep, ...]
    tool: str = __version__

    @property
    def fingerprint(self) -> str:
        """What identifies the plan: release pair, tool and steps; not counts, which grow while users work."""
        text = json.dumps([self.source, self.target, self.tool, [step.name for step in self.steps]])
        return hashlib.sha256(text.encode()).hexdigest()

    def expected(self) -> dict[str, int]:
        """Items per step, where counted."""
        return {step.name: step.items for step in self.steps if step.items is not None}

    def as_json(self) -> dict[str, Any]:
        """The published form."""
        return {"schema": FORM, "fingerprint": self.fingerprint, **asdict(self)}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Plan:
        """Read what :meth:`as_json` wrote. Raises ValueError on another form."""
        if document.get("schema") != FORM:
            raise ValueError(f"not a plan of this tool: {document.get('schema')!r}")
        steps = tuple(PlannedStep(**step) for step in document["steps"])
        return cls(document["source"], document["target"], document["estate"], steps, document["tool"])


def make_plan(
    source: str,
    target: str,
    estate: str,
    steps: Sequence[Step],
    databases: Mapping[str, Database] | None,
    facts: Facts | None = None,
) -> Plan:
    """Describe ``steps``; count their items on ``databases`` and say with ``facts`` how large their tables are."""
    counts: dict[str, int] = {}
    for name, database in (databases or {}).items():
        with database.read() as session:
            counts |= {
                step.name: _count(step, session) for step in steps if step.database == name and step.touches is not None
            }
    return Plan(source, target, estate, tuple(_planned(step, counts.get(step.name), facts or {}) for step in steps))


def _planned(step: Step, items: int | None, facts: Facts) -> PlannedStep:
    volume = volume_of(step, facts)
    return PlannedStep(
        step.name, step.title, step.database, step.phase.value, items, rows=volume.rows, size=volume.size
    )


def _count(step: Step, session: Session) -> int:
    assert step.touches is not None  # noqa: S101 - asked for by the caller
    return int(session.all(step.touches)[0][0] or 0)
