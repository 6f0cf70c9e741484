"""A server that does not own its tables: a DBA does, and granted it rights on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from apim_upgrade.databases import EmbeddedPostgres
from conftest import Pair
from upgrade.conftest import Upgrading
from upgrade.views import rows

_ROLES = ("apim_server", "apim_reader")
_LACKING = (
    "SELECT c.relname, p.name FROM pg_class c, unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE']) AS p (name) "
    "WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'dba_notes' "
    "AND NOT has_table_privilege('{role}', c.oid, p.name)"
)
_LACKING_SEQUENCES = (
    "SELECT c.relname FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace "
    "AND CASE c.relkind WHEN 'S' THEN NOT has_sequence_privilege('{role}', c.oid, 'USAGE') ELSE false END"
)


@pytest.fixture
def roles(server: EmbeddedPostgres) -> Iterator[None]:
    with server.connect() as connection:
        for role in _ROLES:
            connection.execute(f"CREATE ROLE {role}")
    yield
    with server.connect() as connection:
        for role in _ROLES:
            connection.execute(f"DROP ROLE {role}")


def _grant(pair: Pair) -> None:
    for database in pair.by_name().values():
        with database.write() as session:
            session.execute("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO apim_server")
            session.execute("GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO apim_server")
            session.execute("GRANT SELECT ON ALL TABLES IN SCHEMA public TO apim_reader")
            session.execute("CREATE TABLE dba_notes (note TEXT)")


def test_a_server_with_granted_rights_may_use_what_is_new(
    roles: None, real_estate: Callable[[str], Pair], upgrading: Callable[..., Upgrading]
) -> None:
    pair = real_estate("4.0.0")
    _grant(pair)
    upgrade = upgrading(pair, "4.7.0")
    upgrade.run()
    upgrade.commit()

    for database in upgrade.clones.values():
        assert rows(database, _LACKING.format(role="apim_server")) == []
        assert rows(database, _LACKING_SEQUENCES.format(role="apim_server")) == []
        read_only = rows(database, _LACKING.format(role="apim_reader"))
        assert {row["name"] for row in read_only} == {"INSERT", "UPDATE", "DELETE"}
        notes = "SELECT has_table_privilege('apim_server', 'dba_notes', 'SELECT') AS may"
        assert rows(database, notes) == [{"may": False}]
    for database in (*pair.by_name().values(), *upgrade.clones.values()):
        with database.write() as session:
            for role in _ROLES:
                session.execute(f"DROP OWNED BY {role}")


def test_where_nothing_is_granted_nothing_is(
    roles: None, real_estate: Callable[[str], Pair], upgrading: Callable[..., Upgrading]
) -> None:
    upgrade = upgrading(real_estate("4.2.0"), "4.4.0")
    upgrade.run()
    query = "SELECT relname FROM pg_class WHERE relacl IS NOT NULL AND relnamespace = 'public'::regnamespace"
    for database in upgrade.clones.values():
        assert rows(database, query) == []
