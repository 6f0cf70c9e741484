"""
DDL with its guard: a statement, and the question to the data dictionary that says whether it is still to be done.

Where the tool writes scripts that a DBA runs, there is nobody to ask before: the script itself has to ask, so that it
can be run again, and on a database that is not quite as expected. Every vendor writes these values in its own way.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Always:
    """A statement that may be run any number of times."""

    statement: str


@dataclass(frozen=True, slots=True)
class When:
    """What is to be done when a query finds a row (``found``), or when it finds none."""

    query: str
    found: bool
    then: Guarded

    @classmethod
    def missing(cls, query: str, statement: str) -> When:
        """What is to be done unless the query finds something."""
        return cls(query, False, Always(statement))

    @classmethod
    def there(cls, query: str, statement: str) -> When:
        """What is to be done when the query finds something."""
        return cls(query, True, Always(statement))


@dataclass(frozen=True, slots=True)
class ForEach:
    """A statement for every name that a query finds in its only column ``name``; the name comes between its halves."""

    query: str
    before: str
    after: str = ""


Guarded: TypeAlias = Always | When | ForEach


def statements(guarded: Guarded, name: str = "THE_NAME") -> Iterator[str]:
    """Every statement and query of a guarded one, with ``name`` for a name that is only known when it runs."""
    match guarded:
        case Always(statement):
            yield statement
        case When(query, _, then):
            yield query
            yield from statements(then, name)
        case ForEach(query, before, after):
            yield query
            yield f"{before}{name}{after}"
