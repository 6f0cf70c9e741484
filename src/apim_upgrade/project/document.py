"""
Reads and checks ``upgrade.toml``.

Every problem of a file is told at once, by key, with the nearest known name for a key that is not known.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from apim_upgrade.errors import ProjectError
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckTable, KeyStoreTable
from apim_upgrade.project.environments import (
    HISTORY,
    Environment,
    EnvironmentsTable,
    EnvironmentTable,
    OtherDatabasesTable,
    OtherDatabaseTable,
    environment_problems,
    with_environment,
)
from apim_upgrade.project.login import LoginTable
from apim_upgrade.project.model import DatabaseChoice, Project, Strategy
from apim_upgrade.project.secret import expand
from apim_upgrade.releases import HOME_OF, PARTS, Release

_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.$-]*"
_OPTIONS = {field.name for field in fields(Choices)}


class _Table(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class _DatabaseTable(LoginTable):
    move_to: LoginTable | None = None
    clone: str | None = Field(None, pattern=f"^{_NAME}$")


class _DatabaseTables(_Table):
    am: _DatabaseTable
    shared: _DatabaseTable
    identity: _DatabaseTable | None = None
    user: _DatabaseTable | None = None
    config: _DatabaseTable | None = None


class _Document(_Table):
    target: str
    strategy: str = Strategy.SIDE_BY_SIDE.value
    source: str | None = None
    run_folder: str = "runs"
    h2_jar: str | None = None
    database: _DatabaseTables
    options: dict[str, Any] = {}
    check: CheckTable = CheckTable()
    environments: EnvironmentsTable | None = None
    environment: dict[str, EnvironmentTable] = {}


def read_project(file: Path, environment: str | None = None) -> Project:
    """
    Read a project file; relative paths in it start at its folder.

    ``environment`` names the one that is meant where the file has several. Raises ProjectError with every problem of
    the file. Passwords and variables are not looked up yet.
    """
    text = _read(file)
    try:
        raw = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProjectError(f"{file} is not TOML: {error}.", hint="Mend that line.") from None
    try:
        document = _Document.model_validate(with_environment(raw, environment))
    except ValidationError as error:
        undecided = ["it has environments: say with --env which is meant"]
        problems = undecided if environment is None and "environments" in raw else []
        raise _refused(file, problems + _problems(error)) from None
    folder = file.parent
    problems = environment_problems(raw, document.environments, document.environment, environment)
    target = _release(document.target, "target", problems)
    source = _release(document.source, "source", problems) if document.source is not None else None
    if document.strategy not in list(Strategy):
        problems.append(f"strategy is {document.strategy!r}, not one of {', '.join(Strategy)}")
    databases = {
        name: _database(name, table, folder, problems)
        for name in (*PARTS, *HOME_OF)
        if (table := getattr(document.database, name)) is not None
    }
    choices = _choices(document.options, folder, problems)
    check = document.check.choices(folder, problems)
    if problems or target is None or choices is None:
        raise _refused(file, problems)
    run_folder = folder / document.run_folder
    return Project(
        file,
        target,
        Strategy(document.strategy),
        databases,
        run_folder,
        choices,
        source,
        check,
        _environment(document, environment, run_folder),
        None if document.h2_jar is None else folder / document.h2_jar,
    )


def _environment(document: _Document, name: str | None, run_folder: Path) -> Environment | None:
    if name is None or document.environments is None:
        return None
    order = document.environments.order
    return Environment(name, tuple(order[: order.index(name)]), run_folder / HISTORY)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise ProjectError(
            f"There is no project file {file}.", hint="Make one with `apim-upgrade init`, or name it with --project."
        ) from None
    except OSError as error:
        raise ProjectError(
            f"The project file {file} cannot be read: {error.strerror}.", hint="Name a file with --project."
        ) from None
    except UnicodeDecodeError:
        raise ProjectError(f"The project file {file} is not text in UTF-8.", hint="Save it as UTF-8.") from None


def _refused(file: Path, problems: list[str]) -> ProjectError:
    return ProjectError(
        f"{file}: {'; '.join(problems)}.", hint="`apim-upgrade init --project FILE` writes a commented example."
    )


def _release(text: str, key: str, problems: list[str]) -> Release | None:
    try:
        return Release.parse(text)
    except ValueError as error:
        problems.append(f"{key}: {error}")
        return None


def _database(name: str, table: _DatabaseTable, folder: Path, problems: list[str]) -> DatabaseChoice:
    key = f"database.{name}"
    if table.move_to is not None and table.clone is not None:
        problems.append(f"{key} has move_to and clone: what is moved is the copy, so remove clone")
    return DatabaseChoice(
        name,
        table.login(key, folder, problems),
        table.clone,
        None if table.move_to is None else table.move_to.login(f"{key}.move_to", folder, problems),
    )


def _choices(options: Mapping[str, Any], folder: Path, problems: list[str]) -> Choices | None:
    """The ``[options]`` table; its keys are the fields of ``Choices``, whose types decide what is accepted."""
    unknown = sorted(options.keys() - _OPTIONS)
    problems += [_unknown(f"options.{key}", key, _OPTIONS) for key in unknown]
    values = {key: _expanded(value, f"options.{key}") for key, value in options.items() if key in _OPTIONS}
    if isinstance(values.get("environment_names"), dict):
        values["environment_names"] = tuple(values["environment_names"].items())
    try:
        choices: Choices = TypeAdapter(Choices).validate_python(values)
    except ValidationError as error:
        problems += [f"options.{problem}" for problem in _problems(error)]
        return None
    if choices.truststore is None:
        return choices
    truststore = folder / choices.truststore
    if not truststore.is_file():
        problems.append(f"options.truststore names {truststore}, which is not a file")
    return TypeAdapter(Choices).validate_python({**values, "truststore": truststore})


def _expanded(value: Any, key: str) -> Any:
    return expand(value, key) if isinstance(value, str) else value


def _problems(error: ValidationError) -> list[str]:
    return list(dict.fromkeys(_sentences(error)))


def _sentences(error: ValidationError) -> Iterator[str]:
    for problem in error.errors(include_url=False, include_input=False):
        location = [str(part) for part in problem["loc"]]
        key = ".".join(location)
        match problem["type"]:
            case "missing":
                yield f"{key} is missing"
            case "extra_forbidden":
                yield _unknown(key, location[-1], _known(location[:-1]))
            case "string_type":
                yield f"{key} has to be a text in quotes"
            case "string_pattern_mismatch":
                yield f"{key} has to be a plain database name (letters, digits, _ . $ -)"
            case "string_too_short":
                yield f"{key} is empty"
            case "model_type" | "dict_type":
                yield f"{key} has to be a table"
            case _:
                yield f"{key}: {problem['msg'][0].lower()}{problem['msg'][1:]}"


def _known(tables: list[str]) -> set[str]:
    """The keys that may stand in a table of the file."""
    if not tables:
        return set(_Document.model_fields)
    match tables:
        case ["database"]:
            return set(_DatabaseTables.model_fields)
        case ["environments"]:
            return set(EnvironmentsTable.model_fields)
        case ["environment", _]:
            return set(EnvironmentTable.model_fields)
        case ["environment", _, "database"]:
            return set(OtherDatabasesTable.model_fields)
        case ["environment", *_]:
            return set(OtherDatabaseTable.model_fields)
        case ["check"]:
            return set(CheckTable.model_fields)
        case ["check", "keystore", *_]:
            return set(KeyStoreTable.model_fields)
        case [*_, "move_to"]:
            return set(LoginTable.model_fields)
        case _:
            return set(_DatabaseTable.model_fields)


def _unknown(key: str, name: str, known: set[str]) -> str:
    nearest = get_close_matches(name, sorted(known), 1, 0.5)
    return f"{key} is not known" + (f" (did you mean {nearest[0]}?)" if nearest else f" ({', '.join(sorted(known))})")
