"""
The environments of a project: the same target, choices and plan, on other databases.

``[environments]`` says in which order they are upgraded; ``[environment.NAME]`` says what is different there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from apim_upgrade.project.login import LoginTable

HISTORY = "environments.toml"
"""The file in the run folder that says which plan has succeeded where."""
REHEARSALS = "rehearsals"
"""The folder in the run folder where rehearsals are kept, so no environment may be called so."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment of a project; ``before`` are those that are upgraded before it, in order."""

    name: str
    before: tuple[str, ...]
    history: Path
    """Where it is written down, for all environments, which plan has succeeded where."""
    reason: str | None = None
    """Why it may be upgraded before its turn."""


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class EnvironmentsTable(_Table):
    """``[environments]``."""

    order: list[str] = Field(min_length=1)


class OtherDatabaseTable(_Table):
    """``[environment.NAME.database.…]``: keys that differ from ``[database.…]``."""

    url: str | None = Field(None, min_length=1)
    username: str | None = None
    password: str | None = None
    password_file: str | None = None
    move_to: LoginTable | None = None
    clone: str | None = Field(None, pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.$-]*$")


class OtherDatabasesTable(_Table):
    """``[environment.NAME.database]``."""

    am: OtherDatabaseTable | None = None
    shared: OtherDatabaseTable | None = None
    identity: OtherDatabaseTable | None = None
    user: OtherDatabaseTable | None = None
    config: OtherDatabaseTable | None = None


class EnvironmentTable(_Table):
    """``[environment.NAME]``."""

    database: OtherDatabasesTable = OtherDatabasesTable()


def with_environment(raw: Mapping[str, Any], name: str | None) -> dict[str, Any]:
    """
    Return the file as it is for one environment: what its tables name takes the place of what ``[database.…]`` says.

    What is of the wrong kind is left out: the file as it is written is judged as well.
    """
    if name is None:
        return dict(raw)
    databases = _table(_table(_table(raw.get("environment")).get(name)).get("database"))
    merged = {part: dict(table) for part, table in _table(raw.get("database")).items() if isinstance(table, dict)}
    for part, table in databases.items():
        other = {
            key: value
            for key, value in _table(table).items()
            if isinstance(value, dict if key == "move_to" else str) and key in OtherDatabaseTable.model_fields
        }
        known = merged.setdefault(part, {})
        if other.keys() & {"password", "password_file"}:
            known.pop("password", None)
            known.pop("password_file", None)
        known.update(other)
    return {**raw, "database": merged}


def environment_problems(
    raw: Mapping[str, Any],
    declared: EnvironmentsTable | None,
    described: Mapping[str, EnvironmentTable],
    chosen: str | None,
) -> list[str]:
    """Say in sentences what is wrong with the environments of a file, and with the one that was chosen."""
    order = declared.order if declared else []
    problems = [
        f"environments.order has {name!r}, which is no plain name (letters, digits, _ -)"
        for name in order
        if not _is_name(name)
    ]
    problems += [f"environments.order has {name} twice" for name in dict.fromkeys(order) if order.count(name) > 1]
    problems += [f"environment.{name} is not in environments.order" for name in described if name not in order]
    if problems:
        return problems
    known = ", ".join(order)
    if chosen is None and order:
        return [f"it has the environments {known}: say with --env which is meant"]
    if chosen is not None and not order:
        return [f"it has no environments, so --env {chosen} has no meaning"]
    if chosen is not None and chosen not in order:
        return [f"it has no environment {chosen} (there are: {known})"]
    places: dict[tuple[str, str], str] = {}
    for name in order:
        for part, table in with_environment(raw, name)["database"].items():
            url = table.get("url")
            other = places.setdefault((part, url), name) if isinstance(url, str) else name
            if other != name:
                problems.append(f"environments {other} and {name} name the same database {part}")
    return problems


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and name != REHEARSALS


def _table(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
