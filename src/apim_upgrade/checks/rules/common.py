"""What rules of several families say alike."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Any

from sqlalchemy import ColumnElement, Row, TableClause, func, or_, select, true
from sqlalchemy.sql.selectable import Select

from apim_upgrade.checks.model import Api, Severity
from apim_upgrade.checks.subject import Subject
from apim_upgrade.engine import Session

ON_GATEWAYS = frozenset({"PUBLISHED", "BLOCKED", "DEPRECATED", "PROTOTYPED"})
"""Life-cycle states in which gateways have an API."""
_SAMPLES = 3


def by_state(api: Api | None) -> Severity | None:
    """Return the severity of a finding on an API: the rule's own when gateways have it, minor when they do not."""
    return None if api is not None and api.state in ON_GATEWAYS else Severity.MINOR


def such_as(names: Iterable[object]) -> str:
    """Return the first of some names, to stand at the end of a clause."""
    few = [str(name) for name in islice(names, _SAMPLES)]
    return f", such as {'; '.join(few)}" if few else ""


def plural(number: int, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 API``, ``1,200 APIs``."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def size(count: int) -> str:
    """Return bytes as people say them: ``3.5 MB``, ``1.2 GB``."""
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"


def few(session: Session, query: Select[Any], *order: ColumnElement[Any]) -> tuple[int, Sequence[Row[Any]]]:
    """Return how many rows a query has, and the first of them; one finding tells of all."""
    number = session.all(select(func.count()).select_from(query.subquery()))[0][0]
    return number, session.all(query.order_by(*order).limit(_SAMPLES)) if number else ()


def working_copy(subject: Subject, rows: TableClause) -> ColumnElement[bool]:
    """Say of rows of the API-M database that they are a working copy's, not a revision's or a product's."""
    if not subject.has("am", rows.name, "revision_uuid"):
        return true()
    return or_(rows.c.revision_uuid.is_(None), rows.c.revision_uuid == "")
