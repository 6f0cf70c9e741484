"""``plan``: every step, and what it will touch."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apim_upgrade.cli.estimate import shown_seconds, total
from apim_upgrade.cli.ordering import SOURCE, TARGET, order_from
from apim_upgrade.cli.output import make_table
from apim_upgrade.cli.settings import Settings
from apim_upgrade.cli.vendors import DIALECT, SCHEMA_FILES, WITH_ROWS, Vendor, computed_rows, offline_order

if TYPE_CHECKING:
    from rich.console import RenderableType

    from apim_upgrade.execution import Prospect
    from apim_upgrade.planning import Estimate


def command(
    settings: Settings,
    target: TARGET = None,
    source: SOURCE = None,
    sql: Annotated[
        Path | None,
        typer.Option("--sql", metavar="DIR", help="Write every statement of the run into this empty folder."),
    ] = None,
    dialect: DIALECT = None,
    schema_files: SCHEMA_FILES = None,
    with_rows: WITH_ROWS = False,
) -> int:
    """
    Show every step of the upgrade and what it will touch. Nothing is changed.

    The plan is stored as plan.json in the run folder, bound to the estate as it is now: `run` refuses when the estate
    has changed since, and says how. With --sql, a file per step holds its statements in order, for a DBA to read; rows
    that the tool computes itself (from XML, JSON, zips) are described where they enter. Rows that a constraint of the
    target would refuse are told, and the exit code is 3 then. How long each step will take is told as by `estimate`.

    With --dialect the scripts are for a DBA to run: Oracle, SQL Server and DB2 are never written to. The databases are
    taken to be as the stock scripts of --from make them, or as --schema-file says. What the tool itself has to compute
    is named in each script, which stops there; with --with-rows the databases of upgrade.toml are upgraded on a
    throw-away copy, and what was computed there becomes part of the scripts. Nothing is stored in the run folder.
    """
    if dialect is not None or schema_files or with_rows:
        return _scripts(settings, dialect, target, source, sql, schema_files or [], with_rows=with_rows)
    from apim_upgrade.execution import forecast, foresee, out_of_order, store_plan, write_statements

    order = order_from(settings, target=target)
    settings.output.say("Reading the estate")
    prospect = foresee(order, source)
    file = store_plan(order, prospect)
    written = write_statements(order, prospect, sql) if sql else []
    told = forecast(order, prospect)
    document = {
        **prospect.plan.as_json(),
        "estimate": told.as_json(),
        "stoppers": [violation.sentence() for violation in prospect.stoppers],
        "file": str(file),
        "sql": str(sql) if sql else None,
    }
    settings.output.result("plan", document, lambda: _text(prospect, told))
    settings.output.say(f"Stored in {file}")
    if written:
        settings.output.say(f"{len(written) - 1} SQL files in {sql}; begin with {written[0].name}")
    turn = out_of_order(order, prospect.plan.fingerprint)
    for warning in (*prospect.estate.warnings, *([turn] if turn else [])):
        settings.output.warn(warning)
    return 3 if prospect.stoppers else 0


def _scripts(
    settings: Settings,
    dialect: Vendor | None,
    target: str | None,
    source: str | None,
    folder: Path | None,
    files: list[str],
    *,
    with_rows: bool,
) -> int:
    from apim_upgrade.engine import journal
    from apim_upgrade.errors import ProjectError
    from apim_upgrade.execution import foresee_offline, rows_folder, write_scripts

    if dialect is None:
        option = "--schema-file" if files else "--with-rows"
        raise ProjectError(f"{option} is given without --dialect.", hint="Say of which DBMS it is.")
    if folder is None:
        raise ProjectError("--dialect is given without --sql.", hint="Name the folder for the scripts: --sql DIR.")
    parts = rows_folder(folder)
    computed = computed_rows(settings, dialect, target, source, files, parts) if with_rows else None
    told, live = (str(computed.source), computed.shapes) if computed else (source, None)
    order = offline_order(settings, dialect, target, told, files, live)
    started = computed.started if computed else journal.now()
    plan = foresee_offline(dialect.value, order.source, order.target, order.choices, started, order.shapes)
    index, *written = write_scripts(plan, folder, computed.rows if computed else None)
    document = {
        "dialect": dialect.value,
        "source": str(order.source),
        "target": str(order.target),
        "steps": [{"name": step.name, "database": step.database, "phase": step.phase.value} for step in plan.steps],
        "sql": str(folder),
        "files": len(written),
        "complete": computed is not None,
        "undone": list(computed.undone) if computed else [],
        "warnings": list(order.warnings),
    }
    settings.output.result(
        "plan-scripts",
        document,
        lambda: [
            f"API Manager {order.source} to {order.target}: {len(written)} scripts for {dialect.value} in {folder}"
        ],
    )
    settings.output.say(f"Begin with {index}; they have been written and parsed, not run: try them on a copy.")
    undone = computed.undone if computed else ()
    for warning in (*order.warnings, *undone):
        settings.output.warn(warning)
    return 1 if undone else 0


def _text(prospect: Prospect, told: Estimate) -> Iterator[RenderableType]:
    plan, seconds = prospect.plan, told.by_step()
    yield f"API Manager {plan.source} to {plan.target}: {len(plan.steps)} steps\n"
    for phase in dict.fromkeys(step.phase for step in plan.steps):
        yield make_table(
            phase,
            ("step", "items", "about", "database", "what it does"),
            (
                (
                    step.name,
                    "" if step.items is None else f"{step.items:,}",
                    shown_seconds(seconds[step.name]),
                    step.database,
                    step.title,
                )
                for step in plan.steps
                if step.phase == phase
            ),
            words=5,
        )
    yield total(told)
    if prospect.stoppers:
        yield "Rows that stand in the way; `run` refuses until they are mended:"
        yield from (f"  {violation.sentence()}" for violation in prospect.stoppers)
