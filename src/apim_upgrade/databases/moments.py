"""Which rows were written since a moment, as far as the server of the database can tell."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import BigInteger, ColumnElement, String, cast, func, literal, literal_column, true
from sqlalchemy.types import UserDefinedType

from apim_upgrade.databases.session import Session

_WRAP = 1 << 32
"""PostgreSQL numbers transactions with 64 bits and keeps the lower half in each row."""


@dataclass(frozen=True, slots=True)
class Since:
    """
    The rows of a table that were written since a moment.

    ``exact`` is false where the server cannot tell: ``condition`` holds for older rows too, and their keys have to be
    compared.
    """

    condition: ColumnElement[bool]
    exact: bool


class _Xid(UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid"


def moment_of(session: Session) -> str:
    """Return the present moment in the server's own terms; empty where it has none. Ask in a writing transaction."""
    if session.kind == "postgresql":
        return str(session.all("SELECT txid_current()")[0][0])
    return ""


def written_since(session: Session, moment: str) -> Since:
    """
    Return the condition that holds for rows written after ``moment``; an update counts as writing.

    It stays true through VACUUM and restarts, not through dump and restore: then every row counts as written.
    """
    if session.kind != "postgresql" or not moment:
        return Since(true(), exact=False)
    # age() counts back from now, so it is safe where the 32 bits of a row's number have begun anew.
    mark = cast(cast(literal(int(moment) % _WRAP, BigInteger), String), _Xid())
    return Since(func.age(literal_column("xmin", _Xid())) < func.age(mark), exact=True)
