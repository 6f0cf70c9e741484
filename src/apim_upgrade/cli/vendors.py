"""What ``plan`` and ``inspect`` take for a DBMS that the tool writes scripts for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apim_upgrade.cli.settings import Settings

if TYPE_CHECKING:
    from apim_upgrade.execution import Computed
    from apim_upgrade.migrations.upgrade import Choices
    from apim_upgrade.project import Project
    from apim_upgrade.releases import Release, Schema


class Vendor(StrEnum):
    """A DBMS that scripts are written for."""

    ORACLE = "oracle"
    MSSQL = "mssql"
    DB2 = "db2"


DIALECT = Annotated[
    Vendor | None,
    typer.Option("--dialect", help="Write scripts for a DBMS that this tool does not write to itself; with --sql."),
]
SCHEMA_FILES = Annotated[
    list[str] | None,
    typer.Option(
        "--schema-file",
        metavar="NAME=FILE",
        help="What `inspect --offline-script` gave on database am or shared; with --dialect. Give it for both.",
    ),
]

WITH_ROWS = Annotated[
    bool,
    typer.Option("--with-rows", help="Compute what the scripts need besides SQL on a throw-away copy; with --dialect."),
]


@dataclass(frozen=True, slots=True)
class Offline:
    """What scripts are to be written of."""

    source: Release
    target: Release
    choices: Choices
    shapes: dict[str, Schema] | None
    warnings: tuple[str, ...]


def offline_order(
    settings: Settings,
    vendor: Vendor,
    target: str | None,
    source: str | None,
    files: list[str],
    live: Mapping[str, Schema] | None = None,
) -> Offline:
    """
    Say from where to where; the project file is read where there is one, but its databases are not looked at.

    ``live`` are their schemas where somebody has looked; ``files`` come first. Raises ProjectError and EstateError.
    """
    from apim_upgrade.errors import ProjectError
    from apim_upgrade.estate import release_of, require_path
    from apim_upgrade.migrations.upgrade import Choices

    project = _project(settings)
    wanted = _release(target, "--to") or (project.target if project else None)
    if wanted is None:
        raise ProjectError("It is not said to which release.", hint="Add --to RELEASE, or name a project file.")
    named = source or (str(project.source) if project and project.source else None)
    shapes = _shapes(vendor, files) or (dict(live) if live else None)
    warnings: list[str] = []
    if shapes:
        found, warnings = release_of(shapes, named)
    else:
        stock = _release(named, "--from")
        if stock is None:
            raise ProjectError(
                "It is not said of which release the databases are.",
                hint="Add --from RELEASE, or the shapes of the databases as --schema-file.",
            )
        found = stock
    require_path(found, wanted)
    return Offline(found, wanted, project.choices if project else Choices(), shapes, tuple(warnings))


def computed_rows(
    settings: Settings, vendor: Vendor, target: str | None, source: str | None, files: list[str], folder: Path
) -> Computed:
    """
    Compute the rows that the scripts need, from the databases that the project file names, into ``folder``.

    Raises what :func:`~apim_upgrade.execution.compute_rows` raises.
    """
    from apim_upgrade.cli.ordering import project_from
    from apim_upgrade.cli.progress import show_progress
    from apim_upgrade.execution import Order, compute_rows

    project = project_from(settings, target)
    told = str(project.source) if project.source else None
    order = Order(project.addresses(), {}, project.target, project.choices, project.runs, told, project.check)
    expected = offline_order(settings, vendor, target, source, files).source if files else None
    with show_progress() as progress:
        return compute_rows(order, source, expected, vendor.value, folder, listener=progress, say=progress.say)


def _project(settings: Settings) -> Project | None:
    """A project file that was named has to be there; the usual one may be absent."""
    from apim_upgrade.project import DEFAULT_FILE

    return None if settings.project == DEFAULT_FILE and not DEFAULT_FILE.exists() else settings.read_project()


def _release(text: str | None, option: str) -> Release | None:
    from apim_upgrade.errors import ProjectError
    from apim_upgrade.releases import Release, sources

    if text is None:
        return None
    try:
        release = Release.parse(text)
    except ValueError as error:
        raise ProjectError(f"{option}: {error}.", hint="Give a release such as 4.4.0.") from None
    if option == "--from" and release not in sources():
        known = ", ".join(str(each) for each in sources())
        raise ProjectError(f"{option}: {release} cannot be upgraded.", hint=f"These can be: {known}.")
    return release


def _shapes(vendor: Vendor, files: list[str]) -> dict[str, Schema] | None:
    from apim_upgrade.errors import ProjectError
    from apim_upgrade.releases import PARTS
    from apim_upgrade.schema.shapes import read_answer

    named: dict[str, Path] = {}
    for text in files:
        name, _, file = text.partition("=")
        if name not in PARTS or not file or name in named:
            raise ProjectError(
                f"--schema-file {text} names no database, or one twice.",
                hint="Write --schema-file am=FILE --schema-file shared=FILE.",
            )
        named[name] = Path(file)
    if not named:
        return None
    if set(named) != set(PARTS):
        missing = ", ".join(name for name in PARTS if name not in named)
        raise ProjectError(f"--schema-file is not given for {missing}.", hint="Give it for both databases.")
    return {name: read_answer(vendor.value, _text(named[name]), str(named[name])) for name in PARTS}


def _text(file: Path) -> str:
    """Clients of Windows write UTF-16."""
    from apim_upgrade.errors import ProjectError

    try:
        data = file.read_bytes()
    except OSError as error:
        raise ProjectError(f"--schema-file: {file} cannot be read: {error.strerror}.") from None
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError:
        raise ProjectError(f"--schema-file: {file} is not text in UTF-8.", hint="Save it as UTF-8.") from None
