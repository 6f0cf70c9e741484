"""Which rows were written since a moment: every row bears the number of the transaction that wrote it."""

from __future__ import annotations

from sqlalchemy import BigInteger, String, cast, func, literal, literal_column
from sqlalchemy.types import UserDefinedType

from apim_upgrade.databases.facts import Since
from apim_upgrade.databases.session import Session

_WRAP = 1 << 32
"""Transactions are numbered with 64 bits, and a row keeps the lower half."""


class _Xid(UserDefinedType[int]):
    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "xid"


def moment(session: Session) -> str:
    """Return the number of the present transaction."""
    return str(session.all("SELECT txid_current()")[0][0])


def written_since(then: str) -> Since:
    """
    Return the condition that holds for rows written after ``then``; an update counts as writing.

    The answer stays true through VACUUM and restarts, not through dump and restore: then every row counts as written.
    """
    # age() counts back from now, so it is safe where the 32 bits of a row's number have begun anew.
    mark = cast(cast(literal(int(then) % _WRAP, BigInteger), String), _Xid())
    return Since(func.age(literal_column("xmin", _Xid())) < func.age(mark), exact=True)
