"""The versions of MySQL and MariaDB, which count apart."""

from __future__ import annotations

import re
from dataclasses import dataclass

_NUMBER = re.compile(r"\d+")
_FIRST_MARIADB = 10
"""MySQL has no release of this number or a higher one; some hosts leave the name away."""


@dataclass(frozen=True, slots=True)
class Version:
    """The version of a server; MariaDB's numbers mean nothing beside MySQL's."""

    is_mariadb: bool
    numbers: tuple[int, ...]

    @classmethod
    def parse(cls, text: str) -> Version:
        """Read what ``SELECT VERSION()`` tells, such as ``5.5.5-10.6.12-MariaDB-log`` or ``8.0.36``."""
        plain = text.removeprefix("5.5.5-")
        numbers = tuple(int(number) for number in _NUMBER.findall(plain.split("-")[0])[:3])
        return cls("mariadb" in text.lower() or numbers[:1] >= (_FIRST_MARIADB,), numbers)

    def reaches(self, mysql: str, mariadb: str) -> bool:
        """Say whether the server is at least of the version told for its kind; an empty one is never reached."""
        least = mariadb if self.is_mariadb else mysql
        return bool(least) and self.numbers >= tuple(map(int, least.split(".")))

    @property
    def has_expression_indexes(self) -> bool:
        """Whether an index may hold expressions, and INFORMATION_SCHEMA tells them."""
        return self.reaches("8.0.13", "")

    @property
    def has_checks(self) -> bool:
        """Whether check constraints are kept, and INFORMATION_SCHEMA tells them."""
        return self.reaches("8.0.16", "10.2.22")

    @property
    def has_common_table_expressions(self) -> bool:
        """Whether it knows WITH, and window functions, which came in the same release."""
        return self.reaches("8.0", "10.3")
