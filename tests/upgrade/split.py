"""Real estates, taken apart: tables moved out of ``am`` and ``shared`` into databases of their own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import pytest

from apim_upgrade.databases import Database
from conftest import Pair, Server
from execution.site import change

IDENTITY = ("idn", "sp", "idp", "cm", "fido", "fido2", "wf")
USER = ("um",)
CONFIG = "/_system/config"
ROOTS = "'/', '/_system'"
_REGISTRY = ("reg_resource", "reg_resource_property", "reg_resource_tag", "reg_resource_comment", "reg_resource_rating")


@pytest.fixture
def split(databases: Server) -> Iterator[Callable[..., Pair]]:
    """
    ``split(pair, "identity", "user")``: the estate with these tables moved into databases of their own.

    With ``whole`` the tables stay where they were too, without rows: databases that a whole script made.
    """
    made: list[str] = []

    def make(pair: Pair, *apart: str, whole: bool = False) -> Pair:
        found = pair.by_name()
        for name in apart:
            home = pair.am if name == "identity" else pair.shared
            made.append(databases.clone(home.address.database))
            found[name] = Database(name, home.address.at(made[-1]))
        remove = _empty if whole else _drop
        if "config" in apart:
            _without_branch(pair.shared, f"p.reg_path_value LIKE '{CONFIG}%'")
            _without_branch(
                found["config"], f"p.reg_path_value NOT LIKE '{CONFIG}%' AND p.reg_path_value NOT IN ({ROOTS})"
            )
            remove(found["config"], lambda word: word in USER)
        if "identity" in apart:
            remove(found["identity"], lambda word: word not in IDENTITY)
            remove(pair.am, lambda word: word in IDENTITY)
        if "user" in apart:
            remove(found["user"], lambda word: word not in USER)
            remove(pair.shared, lambda word: word in USER)
        return Pair.of(found)

    yield make
    for name in made:
        databases.drop(name)


def _names(database: Database, kind: str, chosen: Callable[[str], bool]) -> list[str]:
    query = f"SELECT relname FROM pg_class WHERE relkind = '{kind}' AND relnamespace = 'public'::regnamespace"
    with database.read() as session:
        return [row.relname for row in session.all(query) if chosen(row.relname.split("_")[0])]


def _drop(database: Database, chosen: Callable[[str], bool]) -> None:
    """Not CASCADE: no foreign key leads from one part to another, and this says so."""
    change(database, _of_all("DROP TABLE", _names(database, "r", chosen)))
    rest = _names(database, "S", chosen)
    if rest:
        change(database, _of_all("DROP SEQUENCE", rest))
    if chosen("am"):
        change(database, "DROP FUNCTION IF EXISTS update_modified_column")


def _empty(database: Database, chosen: Callable[[str], bool]) -> None:
    change(database, _of_all("TRUNCATE", _names(database, "r", chosen)))


def _of_all(command: str, names: Iterable[str]) -> str:
    return f"{command} {', '.join(names)}"


def _without_branch(database: Database, branch: str) -> None:
    """Take a branch of the registry away, with all that hangs on its resources."""
    gone = f"(SELECT reg_path_id, reg_tenant_id FROM reg_path p WHERE {branch})"
    change(
        database,
        *(f"DELETE FROM {table} WHERE (reg_path_id, reg_tenant_id) IN {gone}" for table in reversed(_REGISTRY)),
        *(
            f"DELETE FROM reg_{kind} v WHERE NOT EXISTS (SELECT 1 FROM reg_resource_{kind} l "
            f"WHERE l.reg_{kind}_id = v.reg_id AND l.reg_tenant_id = v.reg_tenant_id)"
            for kind in ("property", "tag", "comment", "rating")
        ),
        "DELETE FROM reg_content c WHERE NOT EXISTS (SELECT 1 FROM reg_resource r "
        "WHERE r.reg_content_id = c.reg_content_id AND r.reg_tenant_id = c.reg_tenant_id)",
        f"DELETE FROM reg_log p WHERE {branch.replace('reg_path_value', 'reg_path')}",
        f"DELETE FROM reg_path p WHERE {branch}",
    )
