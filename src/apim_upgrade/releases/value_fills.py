"""Values that rows get for columns which a release added; see ``data/value_fills.toml``."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from apim_upgrade.releases.release import Release


@dataclass(frozen=True, slots=True)
class ValueFill:
    """The value of one column where it is NULL, from release ``since`` on; lower-case names."""

    since: Release
    table: str
    column: str
    value: str | int | bytes
    except_column: str = ""
    except_values: tuple[str, ...] = ()


@cache
def value_fills() -> tuple[ValueFill, ...]:
    """Return every fill, by release."""
    text = files(__package__).joinpath("data", "value_fills.toml").read_text(encoding="utf-8")
    found = []
    for entry in tomllib.loads(text)["fill"]:
        apart = entry.get("except", {"column": "", "values": []})
        values: dict[str, str | int | bytes] = dict(entry.get("values", {}))
        values |= {column: content.encode() for column, content in entry.get("bytes", {}).items()}
        for column, value in values.items():
            found.append(
                ValueFill(
                    Release.parse(entry["since"]),
                    entry["table"],
                    column,
                    value,
                    apart["column"],
                    tuple(apart["values"]),
                )
            )
    return tuple(sorted(found, key=lambda fill: fill.since))


def values_of_new_row(table: str, release: Release) -> dict[str, str | int | bytes]:
    """Return what a row that is made for ``release`` has in the columns that fills know of."""
    return {fill.column: fill.value for fill in value_fills() if fill.table == table and fill.since <= release}
