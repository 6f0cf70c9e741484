"""Reads off the texts of views what they read: no table of MySQL's or MariaDB's tells the columns."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator

from apim_upgrade.engine import Session
from apim_upgrade.releases.model import fold

# Views of other databases are asked as well: reports are often kept apart from what they read.
_VIEWS = """
SELECT IF(table_schema = DATABASE(), table_name, CONCAT(table_schema, '.', table_name)) AS name,
       view_definition AS text, DATABASE() AS own
FROM information_schema.views
WHERE table_schema = DATABASE() OR LOCATE(CONCAT('`', DATABASE(), '`.'), view_definition) > 0 ORDER BY 1"""

_TABLES = "SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()"

_NAME = r"`(?:[^`]|``)+`"
_WORDS = re.compile(rf"'(?:[^'\\]|\\.|'')*'|(?P<path>{_NAME}(?:\.{_NAME})*)(?P<alias> {_NAME}(?!\.))?")
"""Texts in quotes, and names as the server writes them: each in backticks, with all that it belongs to before it."""
_PART = re.compile(_NAME)


def views(session: Session) -> list[tuple[str, str, str]]:
    """
    Return (view, table, column) for every column of this database that a view of any database reads.

    A view whose text the user may not see (SHOW VIEW) is not among them.
    """
    tables = {fold(row.name): row.name for row in session.all(_TABLES)}
    return sorted(
        {
            (row.name, tables[table], column)
            for row in session.all(_VIEWS)
            for table, column in columns_read(row.text or "", row.own, tables)
        }
    )


def columns_read(text: str, own: str, tables: Iterable[str]) -> Iterator[tuple[str, str]]:
    """
    Return (table, column) as a view's text names them; ``own`` is the database of the ``tables``, in lower case.

    Where one alias stands for two tables, in parts of the text that know nothing of each other, both are taken.
    """
    known = frozenset(tables)
    aliases: defaultdict[str, set[str]] = defaultdict(set)
    columns: list[tuple[str, str]] = []
    for word in _WORDS.finditer(text):
        path = [_plain(part) for part in _PART.findall(word["path"] or "")]
        if len(path) == 2 and path[0] == own and fold(path[1]) in known:
            aliases[fold(path[1])].add(fold(path[1]))
            if word["alias"]:
                aliases[fold(_plain(word["alias"].strip()))].add(fold(path[1]))
        elif len(path) == 3 and path[0] == own:
            columns.append((fold(path[1]), path[2]))
            aliases[fold(path[1])] |= known & {fold(path[1])}
        elif len(path) == 2:
            columns.append((fold(path[0]), path[1]))
    for alias, column in columns:
        for table in aliases[alias]:
            yield table, column


def _plain(quoted: str) -> str:
    return quoted[1:-1].replace("``", "`")
