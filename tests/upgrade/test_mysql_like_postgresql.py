"""The same estate on PostgreSQL and on MariaDB, upgraded on each: the same rows in every table."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, column, event, select, table

from apim_upgrade import samples
from apim_upgrade.databases import Database
from apim_upgrade.engine import journal
from apim_upgrade.engine.work import ItemVerdict
from apim_upgrade.execution import Order, prove, run
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.releases import Release
from apim_upgrade.samples import stock
from apim_upgrade.schema import introspect
from conftest import ON_MYSQL, MariaServer, Pair

CLOCK = datetime(2026, 3, 1, 12)
ONLY_ON_MYSQL = {"wf_bps_profile.callback_username", "wf_bps_profile.callback_password"}
FEW = {"internal_scope", "claim", "configuration", "IDN_OAUTH2_SCOPE"}
FEW |= {"oidc_scope", "oidc_scope_of_tenant", "oidc_scope_claim", "apim_upgrade_artifact"}
"""
What is read whole for each of a few: stages of stock rows and of tenants, scopes for a handful of stock ones, and APIs
for each tenant, where these have an index for the other way round.
"""
STOCK_CLOCK = {"um_org.um_created_time", "um_org.um_last_modified"}
"""Seed rows of the stock scripts bear the moment at which these were executed."""
ODD = {
    "domains": ["UPPER.Example.COM", "münchen.example"],
    "creators": ["kim", "SECONDARY/dora", "a@b.c", "o.brien-x"],
    "publishers": ["LDAP/paula m"],
    "subscribers": ["sam@x.org", "ÖST/lena", "O'Hara", "100%_er", "back\\slash"],
    "subjects": ["Ünï cödé", "a.b-c_d", "Two  Spaces", "L" * 60, "AT-T", "ALLUPPER", "éclair", "ß"],
    "applications": ["App 'x'", "%s", "a" * 90, "Back\\slash", '"quoted"'],
    "categories": ["trans 'port", "énergie", "a%", "b"],
    "tags": ["geo'", "b2b%", "x y", "a,b", "données"],
}
"""Names as people give them: everything that they may hold and that latin1 has."""
_ROUNDED = timedelta(milliseconds=500 if ON_MYSQL else 0)
"""MySQL rounds what MariaDB cuts off."""
_NUMBERED = re.compile(r"(^id$|_id$|^reg_version$|^reg_path_parent_id$)")


def _value(name: str, value: object) -> object:
    if isinstance(value, int) and _NUMBERED.search(name):
        return "#"  # numbers of sequences and of AUTO_INCREMENT
    if isinstance(value, datetime):
        return (value + _ROUNDED).replace(microsecond=0)  # a TIMESTAMP of MySQL's has whole seconds
    if isinstance(value, memoryview | bytes):
        value = bytes(value)
        if value.startswith(b"PK"):  # what lies in it quotes times, too
            return tuple(zipfile.ZipFile(io.BytesIO(value)).namelist())
    return int(value) if isinstance(value, bool) else value


def content(database: Database) -> dict[str, list[str]]:
    rows = {}
    with database.read() as session:
        for name, item in introspect(session).tables.items():
            low = name.lower()
            leave = {full.partition(".")[2] for full in ONLY_ON_MYSQL | STOCK_CLOCK if full.startswith(f"{low}.")}
            columns = sorted({each.name.lower() for each in item.columns} - leave)
            found = session.stream(select(table(low, *map(column, columns))))
            rows[low] = sorted(repr([_value(*pair) for pair in zip(columns, row, strict=True)]) for row in found)
    return {name: lines for name, lines in rows.items() if not name.startswith(journal.PREFIX)}


def verdicts(database: Database) -> list[tuple[str, ItemVerdict]]:
    with database.read() as session:
        return journal.read_verdicts(session)


@pytest.fixture
def no_stage_twice() -> Iterator[None]:
    """MySQL cannot open a temporary table twice in one statement; MariaDB can, and would not tell."""

    def look(connection: object, cursor: object, text: str, *rest: object) -> None:
        for stage in set(re.findall(r"apim_upgrade_stage_\w+", text)):
            assert len(re.findall(rf"(?<![\w.]){stage}`?(?![\w.`])", text)) <= 1, text

    event.listen(Engine, "before_cursor_execute", look)
    yield
    event.remove(Engine, "before_cursor_execute", look)


@pytest.fixture
def unindexed_joins() -> Iterator[set[str]]:
    """
    Tables of the product, and stages, that a run reads whole for each row of another.

    MariaDB hashes no join by itself: without an index it compares all rows with all, which 50,000 APIs do not forgive.
    """
    found: set[str] = set()

    def look(connection: Connection, cursor: object, text: str, values: Any, *rest: object) -> None:
        begun = re.match(r"(INSERT INTO|UPDATE|DELETE FROM|SELECT|WITH)\b", text)
        if ON_MYSQL or connection.dialect.name != "mysql" or not begun or "information_schema" in text.lower():
            return
        with closing(connection.connection.cursor()) as explain:
            explain.execute(f"EXPLAIN {text}", values)
            seen: set[object] = set()
            for number, kind, name, access, keys, *_ in explain.fetchall():
                again = number in seen or "DEPENDENT" in kind
                if again and access in ("ALL", "index") and keys is None and not name.startswith("<"):
                    found.add(name.removeprefix("apim_upgrade_stage_"))
                seen.add(number)

    event.listen(Engine, "before_cursor_execute", look)
    yield found
    event.remove(Engine, "before_cursor_execute", look)


@pytest.mark.slow
@pytest.mark.usefixtures("no_stage_twice")
@pytest.mark.parametrize(
    ("source", "target", "known"),
    [("3.2.0", "4.7.0", {"invariant/artifact-of-deployment": 1}), ("4.0.0", "4.4.0", {})],
    ids=["3.2.0-4.7.0, with a blemished API that has half a definition", "4.0.0-4.4.0"],
)
def test_both_servers_end_with_the_same_rows(
    source: str,
    target: str,
    known: dict[str, int],
    empty_database: Callable[[str], Database],
    mysql_database: Callable[[str], Database],
    mysql_databases: MariaServer,
    databases: object,
    unindexed_joins: set[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(journal, "now", lambda: CLOCK)
    words = {**stock.words(), **ODD}
    if source == "4.0.0":  # where the folder of a document takes the rest of the 255 characters that rights have
        words["subjects"] = [subject[:40] for subject in words["subjects"]]
    monkeypatch.setattr(stock, "words", lambda: words)
    ends, told = [], []
    for make in (empty_database, mysql_database):
        pair = Pair(make("am"), make("shared"))
        samples.write(Release.parse(source), pair.am, pair.shared, apis=12, tenants=1, blemishes=True)
        begun = {name: content(each) for name, each in pair.by_name().items()}
        order = Order(
            {name: each.address for name, each in pair.by_name().items()},
            {name: f"{each.address.database}_up" for name, each in pair.by_name().items()},
            Release.parse(target),
            Choices(),
            tmp_path / pair.am.kind,
        )
        mysql_databases.made.extend(order.clones.values() if pair.am.kind == "mysql" else ())
        run(order, None, retry_failed=False, listener=lambda event: None, say=lambda text: None)
        proofs = prove(order).verification.proofs
        assert {proof.name: proof.found for proof in proofs if not proof.holds} == known
        ends.append((begun, {name: content(each) for name, each in order.targets().items()}))
        told.append([each for database in order.targets().values() for each in verdicts(database)])
        for each in order.targets().values():
            if each.kind == "postgresql":
                databases.drop(each.address.database)  # type: ignore[attr-defined]
    assert told[0] == told[1]
    assert unindexed_joins <= FEW
    for moment in (0, 1):
        for part in ("am", "shared"):
            there, here = ends[0][moment][part], ends[1][moment][part]
            assert there.keys() == here.keys()
            for name, rows in there.items():
                assert here[name] == rows, name
