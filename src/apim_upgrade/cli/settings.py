"""The options that every command takes, as one value."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apim_upgrade.cli.errors import run_safely
from apim_upgrade.cli.output import Output

if TYPE_CHECKING:
    from apim_upgrade.project import Project


class OutputFormat(StrEnum):
    """How results are printed."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Settings:
    """What was given beside a command's own options."""

    project: Path
    format: OutputFormat
    yes: bool
    debug: bool
    output: Output
    environment: str | None = None
    """Which of the project's environments is meant, where it has several."""

    def read_project(self, h2_jar: Path | None = None) -> Project:
        """Read the project file that was named; ``h2_jar`` comes before what it says. Raises ProjectError."""
        from apim_upgrade.project import read_project

        project = read_project(self.project, self.environment)
        return project if h2_jar is None else replace(project, h2_jar=h2_jar)


_ENVIRONMENT = inspect.Parameter(
    "environment",
    inspect.Parameter.KEYWORD_ONLY,
    default=None,
    annotation=Annotated[
        str | None, typer.Option("--env", metavar="NAME", help="Which environment of the project file is meant.")
    ],
)
_COMMON = (
    inspect.Parameter(
        "project",
        inspect.Parameter.KEYWORD_ONLY,
        default=Path("upgrade.toml"),
        annotation=Annotated[Path, typer.Option("--project", metavar="FILE", help="The project file.")],
    ),
    inspect.Parameter(
        "format",
        inspect.Parameter.KEYWORD_ONLY,
        default=OutputFormat.TEXT,
        annotation=Annotated[OutputFormat, typer.Option("--format", help="How to print the result.")],
    ),
    inspect.Parameter(
        "yes",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[bool, typer.Option("--yes", help="Agree to whatever would be asked.")],
    ),
    inspect.Parameter(
        "debug",
        inspect.Parameter.KEYWORD_ONLY,
        default=False,
        annotation=Annotated[bool, typer.Option("--debug", help="Write the traceback of a failure to a log file.")],
    ),
)


def with_settings(command: Callable[..., int | None], *, estate: bool = True) -> Callable[..., int]:
    """
    Give a command the common options, packed into its first parameter ``settings``.

    One that works on an ``estate`` of the project file can be told which environment is meant.
    """
    first, *own = inspect.signature(command, eval_str=True).parameters.values()
    if first.name != "settings":
        raise TypeError(f"{command.__module__}.command has to take settings first")

    # A command that has more forms of its result than these two brings a --format of its own.
    options = (*_COMMON, _ENVIRONMENT) if estate else _COMMON
    shown = [each for each in options if each.name not in {mine.name for mine in own}]

    def run(**values: Any) -> int:
        common = {each.name: values.pop(each.name, each.default) if each in shown else each.default for each in options}
        settings = Settings(**common, output=Output(json=common["format"] is OutputFormat.JSON))
        return run_safely(lambda: command(settings, **values), debug=settings.debug)

    run.__doc__ = command.__doc__
    run.__name__ = command.__name__
    run.__module__ = command.__module__
    parameters = [parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in own]
    run.__signature__ = inspect.Signature([*parameters, *shown])  # type: ignore[attr-defined]
    run.__annotations__ = {}
    return run
