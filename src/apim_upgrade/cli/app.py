"""
The application: finds the commands and turns every way of ending into an exit code.

A command is a module of this package with a function ``command(settings, …) -> int | None``; its docstring is the help
text, its parameters after ``settings`` are its own options. Modules import at the top only what is quick: ``--help``
reads them all.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Annotated

import typer

from apim_upgrade import __version__
from apim_upgrade.cli.errors import INTERRUPTED, report_usage
from apim_upgrade.cli.process import ended_in_order, unheard_remarks
from apim_upgrade.cli.settings import with_settings

NAME = "apim-upgrade"
COMMANDS = (
    "init",
    "inspect",
    "check",
    "rule",
    "validate",
    "move",
    "plan",
    "rehearse",
    "estimate",
    "run",
    "status",
    "verify",
    "report",
    "commit",
    "rollback",
    "demo",
)
"""In the order of the work; a module of this package each."""
_WITHOUT_ESTATE = {"init", "rule", "validate", "demo"}

_HELP = f"""
Upgrade the databases of a WSO2 API Manager estate to a later release.

\b
The way through an upgrade:
  {NAME} init       write a commented upgrade.toml, then fill it in
  {NAME} inspect    see what the databases hold; nothing is changed
  {NAME} check      find what would break, and how to mend it; nothing is changed
  {NAME} move       to another DBMS first, where that is wanted; the originals are only read
  {NAME} plan       see every step and what it will touch; nothing is changed
  {NAME} rehearse   do all of it on databases that are thrown away; originals are only read
  {NAME} estimate   say how long it will take, learnt from rehearsals; nothing is changed
  {NAME} run        copy the databases and upgrade the copies; run it again to resume
  {NAME} verify     prove the result against the original
  {NAME} commit     accept the result and remove the tool's own tables
  {NAME} rollback   until then: take everything back

\b
To look something up:
  {NAME} rule       explain what a finding of check means

\b
To judge API definitions outside any estate:
  {NAME} validate   judge files as a release would

\b
To see it all without a database of your own:
  {NAME} demo       upgrade a made-up estate on a throw-away PostgreSQL

Every command takes --project, --format, --yes and --debug, and those that work on an estate take --env. Results go to
standard output, everything else to standard error. Secrets belong into environment variables or files that upgrade.toml
names, never into options.
"""

_EPILOG = """
\b
Exit codes:
   0  done
   1  done, but some items failed or a proof did not hold: read the report
   2  wrong usage, or a mistake in upgrade.toml or a file it names
   3  a server, a right, a disk, or the estate itself is not as it has to be
   4  a step stopped; run the same command again to resume
   5  a person has to agree first; the message names the option
  70  a bug of this tool
 130  interrupted; run the same command again to resume
"""

app = typer.Typer(
    name=NAME,
    help=_HELP,
    epilog=_EPILOG,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"{NAME} {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """Take options that belong to no command."""


for _name in COMMANDS:
    app.command(_name)(
        with_settings(import_module(f"apim_upgrade.cli.{_name}").command, estate=_name not in _WITHOUT_ESTATE)
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code. Nothing but an exit code ever leaves."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    with ended_in_order(), unheard_remarks():
        try:
            code = app(given or ["--help"], prog_name=NAME, standalone_mode=False)
        except typer.Abort:
            return INTERRUPTED
        except Exception as error:
            return report_usage(error, NAME)
        return code if isinstance(code, int) else 0
