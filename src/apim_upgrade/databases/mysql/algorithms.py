"""
How an ALTER TABLE asks a server for a way of doing it, and for which one next where the server refuses.

A statement that asks ends with one of the clauses below. A server that could do it only in a way that is harder on
those who use the table refuses, before it has done anything (but for :data:`_LOG_FULL`). So no table is locked or
copied unforeseen without a word of why.
"""

from __future__ import annotations

from dataclasses import dataclass

INSTANT = ", ALGORITHM=INSTANT"
"""Only the description of the table changes."""
NOT_REBUILT = ", ALGORITHM=NOCOPY, LOCK=NONE"
"""The table is not rebuilt, an index may be built; others read and write. MySQL has no word for it."""
IN_PLACE = ", ALGORITHM=INPLACE, LOCK=NONE"
"""The table may be rebuilt; others read and write."""
READ_ONLY = ", ALGORITHM=INPLACE, LOCK=SHARED"
"""The table may be rebuilt; nobody writes meanwhile."""
COPIED = ", ALGORITHM=COPY"
"""The table is copied row by row, and nobody writes meanwhile, whatever else the server offers."""
ANY = ""
"""As the server likes: the least of what it can."""

_FROM_EASY_TO_HARD = (INSTANT, NOT_REBUILT, IN_PLACE, READ_ONLY, ANY)
_LOG_FULL = 1799
"""While the table was changed, others wrote more than ``innodb_online_alter_log_max_size`` holds."""
_REFUSALS = frozenset(
    {
        1221,  # Incorrect usage of ALGORITHM=… and LOCK=…
        _LOG_FULL,
        1800,  # Unknown ALGORITHM
        1801,  # Unknown LOCK type
        1845,  # … is not supported for this operation. Try …
        1846,  # … is not supported. Reason: … Try …
        4092,  # Maximum row versions reached: too many instant changes were made to this table
        4093,  # Column can't be added with ALGORITHM=INSTANT: the row would get too long (older releases of 8.0)
        4157,  # the same in later ones
        4158,  # Column can't be added with ALGORITHM=INSTANT anymore: too many columns
    }
)
"""The errors of MySQL and MariaDB that are about the clause and not about the change; `perror` explains them."""


@dataclass(frozen=True, slots=True)
class Asking:
    """A statement and the way in which it is asked for."""

    plain: str
    clause: str

    @classmethod
    def of(cls, statement: str) -> Asking:
        """Take a statement apart; one that asks for nothing has the clause :data:`ANY`."""
        clause = next(each for each in (COPIED, *_FROM_EASY_TO_HARD) if statement.endswith(each))
        return cls(statement.removesuffix(clause), clause)

    @property
    def statement(self) -> str:
        """The statement as it is sent."""
        return self.plain + self.clause

    @property
    def way(self) -> str:
        """The clause as words."""
        return self.clause.removeprefix(", ") or "whatever way the server takes, a copy at worst"

    def after(self, refusal: int, *, mariadb: bool) -> Asking | None:
        """What to ask for next when the server answers with this error; None when the error is about something else."""
        if refusal not in _REFUSALS or self.clause in (ANY, COPIED):
            return None
        harder = _FROM_EASY_TO_HARD[_FROM_EASY_TO_HARD.index(self.clause) + 1]
        if harder == NOT_REBUILT and not mariadb:
            harder = IN_PLACE
        if refusal == _LOG_FULL:  # without writers there is nothing to keep a log of
            harder = READ_ONLY if self.clause != READ_ONLY else ANY
        return Asking(self.plain, harder)
