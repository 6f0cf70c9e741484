"""From what the project file says and what the options add to what is ordered."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apim_upgrade.cli.settings import Settings

if TYPE_CHECKING:
    from apim_upgrade.execution import Order
    from apim_upgrade.project import Project
    from apim_upgrade.releases import Release

TARGET = Annotated[
    str | None, typer.Option("--to", metavar="RELEASE", help="The release to upgrade to, instead of the file's.")
]
SOURCE = Annotated[
    str | None,
    typer.Option(
        "--from", metavar="RELEASE", help="The release the databases are of, where their schema leaves a doubt."
    ),
]
IN_PLACE = Annotated[bool, typer.Option("--in-place", help="The databases themselves are changed instead of copies.")]


H2_JAR = Annotated[
    Path | None, typer.Option("--h2-jar", metavar="FILE", help="The H2 that wrote the files; else that of their pack.")
]


def release_option(text: str) -> Release:
    """Read the release that ``--to`` names. Raises ProjectError."""
    from apim_upgrade.errors import ProjectError
    from apim_upgrade.releases import Release

    try:
        return Release.parse(text)
    except ValueError as error:
        raise ProjectError(f"--to: {error}.", hint="Give a release such as 4.4.0.") from None


def project_from(settings: Settings, target: str | None, h2_jar: Path | None = None) -> Project:
    """Read the project file; ``target`` and ``h2_jar`` take the place of what it says. Raises ProjectError."""
    project = settings.read_project(h2_jar)
    return project if target is None else replace(project, target=release_option(target))


def order_from(
    settings: Settings,
    *,
    target: str | None = None,
    in_place: bool = False,
    reason: str | None = None,
    h2_jar: Path | None = None,
) -> Order:
    """
    Read the project file and return the order. Raises ProjectError.

    ``reason`` says why an environment may be upgraded before its turn.
    """
    from apim_upgrade.errors import ProjectError
    from apim_upgrade.execution import Order
    from apim_upgrade.project import Strategy

    project = project_from(settings, target, h2_jar)
    if in_place:
        project = replace(project, strategy=Strategy.IN_PLACE)
    if reason is not None:
        if project.environment is None:
            raise ProjectError(
                f"--override-order: {settings.project} has no environments.", hint="Leave the option out."
            )
        if not reason.strip():
            raise ProjectError("--override-order: no reason is given.", hint="Say why, in a few words.")
        project = replace(project, environment=replace(project.environment, reason=reason.strip()))
    moves = project.moves()
    return Order(
        moves or project.addresses(),
        project.clones(),
        project.target,
        project.choices,
        project.runs,
        str(project.source) if project.source else None,
        project.check,
        project.environment,
        moved_from=project.addresses() if moves else {},
    )
