"""
Names as Oracle, SQL Server and DB2 take them: in upper case, as their scripts made them, and quoted only where needed.

The reserved words are those that SQLAlchemy knows; DB2 takes any regular name bare.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from sqlalchemy.dialects.mssql.base import RESERVED_WORDS as _MSSQL
from sqlalchemy.dialects.oracle.base import RESERVED_WORDS as _ORACLE

_REGULAR = re.compile(r"[A-Z][A-Z0-9_$#]*")


@dataclass(frozen=True, slots=True)
class Identifiers:
    """The rules of one DBMS for names."""

    longest: int
    """In bytes."""
    reserved: frozenset[str] = field(default=frozenset())
    """In lower case."""
    marks: tuple[str, str] = ('"', '"')

    def quoted(self, name: str) -> str:
        """Return a name as it may stand in a statement."""
        upper = name.upper()
        if _REGULAR.fullmatch(upper) and upper.lower() not in self.reserved:
            return upper
        left, right = self.marks
        return f"{left}{upper.replace(right, right * 2)}{right}"


ORACLE = Identifiers(128, frozenset(word.lower() for word in _ORACLE))
MSSQL = Identifiers(128, frozenset(word.lower() for word in _MSSQL), ("[", "]"))
DB2 = Identifiers(128)
OF_KIND = {"oracle": ORACLE, "mssql": MSSQL, "db2": DB2}
