"""
The schema catalogues: what the stock scripts of every release make, per DBMS.

They are packed one file a DBMS, ``data/catalogues/<kind>.json.gz``, written by ``tools/pack_catalogues.py``: every
distinct table stands once in ``tables`` and the releases refer to it by number, because most tables never change.
"""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

from apim_upgrade.errors import KnowledgeError
from apim_upgrade.releases.knowledge import read_toml
from apim_upgrade.releases.model import (
    Check,
    Column,
    Expression,
    ForeignKey,
    Function,
    Index,
    PrimaryKey,
    Schema,
    Sequence,
    Table,
    Trigger,
    Unique,
    fold,
)
from apim_upgrade.releases.release import Release

KINDS = ("postgresql", "mysql", "oracle", "mssql", "db2", "h2")
"""The DBMSs that there are catalogues of."""
PARTS = ("am", "shared")
"""The two databases of an estate, each made by a stock script."""
FORM = "apim-upgrade/catalogues/1"


@dataclass(frozen=True, slots=True)
class _Section:
    """Tables of one script that may lie in a database of their own."""

    script: str
    prefixes: frozenset[str]
    excluded: frozenset[str]

    def holds(self, name: str) -> bool:
        word = fold(name).split("_")[0]
        return word in self.prefixes if self.prefixes else word not in self.excluded


@cache
def catalogue(kind: str, release: Release, schema: str) -> Schema:
    """
    Return what the stock script of ``release`` makes on the DBMS ``kind`` for ``schema`` (``am`` or ``shared``).

    ``schema`` may also be a section of such a script, whose tables the product may keep in a database of their own:
    ``api`` and ``identity`` of ``am``, ``registry`` and ``user`` of ``shared``. Raises KnowledgeError when there is
    none.
    """
    if schema in _sections():
        section = _sections()[schema]
        return _only(section, catalogue(kind, release, section.script))
    packed = _packed(kind)
    try:
        document = packed["releases"][str(release)][schema]
    except KeyError:
        raise KnowledgeError(f"There is no schema catalogue of {release} {schema} on {kind}.") from None
    return Schema(
        kind,
        {name: _table(kind, name, number) for name, number in document["tables"].items()},
        {name: Sequence(name, **sequence) for name, sequence in document["sequences"].items()},
        tuple(Function(**function) for function in document["functions"]),
        tuple(Trigger(**trigger) for trigger in document["triggers"]),
        {table: tuple(_seed_row(row) for row in rows) for table, rows in document["seed_rows"].items()},
    )


def script_of(schema: str) -> str:
    """Return the stock script that makes a part: ``am`` or ``shared``."""
    return _sections()[schema].script if schema in _sections() else schema


def catalogued_releases(kind: str) -> tuple[Release, ...]:
    """Return every release that there is a catalogue of, oldest first; more than those that can be upgraded."""
    return tuple(sorted(Release.parse(release) for release in _packed(kind)["releases"]))


def document(kind: str, release: Release, schema: str) -> dict[str, Any]:
    """Return a catalogue as the plain document it was packed from."""
    packed = _packed(kind)
    whole: dict[str, Any] = dict(packed["releases"][str(release)][schema])
    whole["tables"] = {name: packed["tables"][number] for name, number in whole["tables"].items()}
    return whole


def legacy_timestamps(release: Release, schema: str) -> dict[str, dict[str, Any]]:
    """
    Return how MySQL's TIMESTAMP columns (``TABLE.COLUMN``) differ where explicit_defaults_for_timestamp was OFF.

    That is the default of MySQL 5.7; updating such a row silently changes its first time stamp.
    """
    found: dict[str, dict[str, Any]] = _packed("mysql")["legacy_timestamps"].get(str(release), {}).get(schema, {})
    return found


@cache
def _sections() -> dict[str, _Section]:
    entries = read_toml("sections.toml")["section"]
    named = frozenset(prefix for entry in entries for prefix in entry.get("prefixes", ()))
    return {entry["name"]: _Section(entry["script"], frozenset(entry.get("prefixes", ())), named) for entry in entries}


def _only(section: _Section, schema: Schema) -> Schema:
    triggers = tuple(trigger for trigger in schema.triggers if section.holds(trigger.table))
    return replace(
        schema,
        tables={name: table for name, table in schema.tables.items() if section.holds(name)},
        sequences={name: sequence for name, sequence in schema.sequences.items() if section.holds(name)},
        functions=schema.functions if triggers else (),
        triggers=triggers,
        seed_rows={name: rows for name, rows in schema.seed_rows.items() if section.holds(name)},
    )


@cache
def _packed(kind: str) -> dict[str, Any]:
    if kind not in KINDS:
        raise KnowledgeError(f"There are no schema catalogues of {kind}.")
    data = files(__package__).joinpath("data", "catalogues", f"{kind}.json.gz").read_bytes()
    packed: dict[str, Any] = json.loads(gzip.decompress(data))
    if packed.get("form") != FORM:
        raise KnowledgeError(f"The schema catalogues of {kind} have the form {packed.get('form')!r}.")
    return packed


@cache
def _table(kind: str, name: str, number: int) -> Table:
    described = _packed(kind)["tables"][number]
    key = described.get("primary_key")
    return Table(
        name,
        tuple(Column(**column) for column in described["columns"]),
        PrimaryKey(key["name"], tuple(key["columns"])) if key else None,
        tuple(Unique(**_frozen(unique)) for unique in described.get("unique", ())),
        tuple(ForeignKey(**_frozen(foreign_key)) for foreign_key in described.get("foreign_keys", ())),
        tuple(Index(**_frozen(index)) for index in described.get("indexes", ())),
        tuple(Check(**check) for check in described.get("checks", ())),
    )


def _frozen(described: dict[str, Any]) -> dict[str, Any]:
    """Lists and maps of a JSON object as tuples."""
    return {
        name: tuple(value) if isinstance(value, list) else tuple(value.items()) if isinstance(value, dict) else value
        for name, value in described.items()
    }


def _seed_row(row: dict[str, Any]) -> dict[str, str | int | bool | Expression | None]:
    return {name: Expression(value["expr"]) if isinstance(value, dict) else value for name, value in row.items()}
