"""H2 database files that the tests write themselves: the catalogue's tables with the rows of a PostgreSQL estate."""

from __future__ import annotations

import pickle
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import column, select, table

from apim_upgrade.databases import Address, Database
from apim_upgrade.releases import Release, catalogue
from apim_upgrade.releases.model import Table

SCRIPT = Path(__file__).with_name("write_h2.py")
SETTINGS = ";DB_CLOSE_ON_EXIT=FALSE"
_SIZED = re.compile(r"(VARCHAR|CHAR|CHARACTER VARYING|TIMESTAMP)\(")


Rows = tuple[str, list[str], list[tuple[object, ...]]]
"""Table, columns, rows."""


def write_h2(jar: Path, path: Path, statements: Iterable[str], rows: Iterable[Rows] = ()) -> None:
    """Make a database file (``path`` without .mv.db)."""
    with writing_h2(jar, path, statements, rows):
        pass


@contextmanager
def writing_h2(
    jar: Path, path: Path, statements: Iterable[str], rows: Iterable[Rows] = (), settings: str = SETTINGS
) -> Iterator[None]:
    """Make a database file; for the length of the block its server is still up."""
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(jar), str(path), settings],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    assert process.stdin is not None and process.stdout is not None
    for message in (list(statements), *rows, None):
        pickle.dump(message, process.stdin)
    process.stdin.flush()
    assert process.stdout.readline() == b"written\n"
    yield
    process.stdin.close()
    assert process.wait() == 0


def stock_statements(release: str, part: str) -> Iterator[str]:
    """What the product's script for H2 makes, without its rows."""
    tables = catalogue("h2", Release.parse(release), part).tables.values()
    for each in tables:
        yield _create(each)
    for each in tables:
        for key in each.foreign_keys:
            rules = f" ON DELETE {key.on_delete} ON UPDATE {key.on_update}".replace("NO ACTION", "RESTRICT")
            yield (
                f"ALTER TABLE {each.name} ADD FOREIGN KEY ({quoted(key.columns)}) "
                f"REFERENCES {key.ref_table} ({quoted(key.ref_columns)}){rules}"
            )
        for number, index in enumerate(each.indexes):
            name = index.name or f"{each.name}_{number}"
            yield f"CREATE {'UNIQUE ' if index.unique else ''}INDEX {name} ON {each.name} ({quoted(index.columns)})"


def rows_of(database: Database, release: str, part: str) -> Iterator[Rows]:
    """All rows of a PostgreSQL database, referenced tables first, as the columns of the H2 tables take them."""
    tables = catalogue("h2", Release.parse(release), part).tables
    with database.read() as session:
        for each in _referenced_first(tables):
            names = [name.name for name in each.columns]
            query = select(*(column(name.lower()) for name in names)).select_from(table(each.name.lower()))
            try:
                with session.attempt():
                    found = [tuple(row) for row in session.all(query)]
            except Exception as error:  # WF_BPS_PROFILE has two columns more on H2
                assert each.name == "WF_BPS_PROFILE", error
                continue
            if found:
                yield each.name, [f'"{name}"' for name in names], found


def _referenced_first(tables: Mapping[str, Table]) -> Iterator[Table]:
    done: set[str] = set()
    waiting = list(tables.values())
    while waiting:
        ready = [t for t in waiting if all(k.ref_table in done or k.ref_table == t.name for k in t.foreign_keys)]
        for each in ready:
            done.add(each.name)
            yield each
        waiting = [each for each in waiting if each.name not in done]


def _create(each: Table) -> str:
    parts = []
    for name in each.columns:
        kind = name.type if _SIZED.match(name.type) else name.type.partition("(")[0]
        default = f" DEFAULT {name.default}" if name.default else ""
        extra = " AUTO_INCREMENT" if name.extra == "auto_increment" else ""
        parts.append(f'"{name.name}" {kind}{default}{"" if name.nullable else " NOT NULL"}{extra}')
    if each.primary_key:
        parts.append(f"PRIMARY KEY ({quoted(each.primary_key.columns)})")
    parts += [f"UNIQUE ({quoted(unique.columns)})" for unique in each.unique]
    return f"CREATE TABLE {each.name} ({', '.join(parts)})"


def quoted(names: Iterable[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def h2_address(path: Path, jar: Path | None = None) -> Address:
    options = (("jar", str(jar)),) if jar else ()
    return Address("h2", "", 0, str(path), "wso2carbon", "wso2carbon", options=options)
