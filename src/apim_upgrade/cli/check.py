"""``check``: what would break, before anything changes."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager, ExitStack, nullcontext
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from apim_upgrade.cli.ordering import H2_JAR, SOURCE, TARGET, project_from
from apim_upgrade.cli.output import to_standard_output
from apim_upgrade.cli.progress import show_progress
from apim_upgrade.cli.settings import Settings

if TYPE_CHECKING:
    from apim_upgrade.checks import Subject
    from apim_upgrade.migrations.parallel import Workers


class ReportFormat(StrEnum):
    """The forms of a report."""

    TEXT = "text"
    JSON = "json"
    HTML = "html"
    SARIF = "sarif"
    JUNIT = "junit"
    MARKDOWN = "markdown"


class SeverityName(StrEnum):
    """How bad a finding is."""

    INFO = "info"
    MINOR = "minor"
    MAJOR = "major"
    BLOCKER = "blocker"


def command(
    settings: Settings,
    target: TARGET = None,
    source: SOURCE = None,
    select: Annotated[
        list[str] | None,
        typer.Option("--select", metavar="CODES", help="Only these rules: codes or beginnings, such as REG,DB001."),
    ] = None,
    ignore: Annotated[
        list[str] | None, typer.Option("--ignore", metavar="CODES", help="Not these; the longer beginning decides.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option("--baseline", metavar="FILE", help="Known findings that were accepted, as TOML.")
    ] = None,
    fail_on: Annotated[
        SeverityName | None,
        typer.Option("--fail-on", help="The least severity that makes the exit code 1.  [default: major]"),
    ] = None,
    format: Annotated[ReportFormat, typer.Option("--format", help="The form of the report.")] = ReportFormat.TEXT,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write the report here, not to standard output.")
    ] = None,
    save_invalid: Annotated[
        Path | None,
        typer.Option("--save-invalid", metavar="DIR", help="Write each definition that is refused here, with why."),
    ] = None,
    fix: Annotated[
        bool, typer.Option("--fix", help="Show how refused definitions can be repaired, as differences.")
    ] = False,
    jobs: Annotated[
        int | None,
        typer.Option("--jobs", metavar="N", min=1, help="Processes for definitions; one a processor without it."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            "--scheduler", metavar="ADDRESS", help="Judge definitions on a Dask cluster, such as tcp://host:8786."
        ),
    ] = None,
    h2_jar: H2_JAR = None,
) -> int:
    """
    Find everything that would break, and say how to mend it. Nothing is changed.

    Rules look at both databases, and at the files that [check] of upgrade.toml names, inside read-only transactions.
    H2 files, and databases on Oracle, SQL Server and DB2, are copied into a throw-away PostgreSQL to be looked at.
    Each finding has a stable code; `rule CODE` explains it. A baseline accepts known findings with a reason and a day.

    With --fix, the safe, mechanical repairs of OpenAPI definitions are shown after the report, or written beside the
    files of --save-invalid; each is proven by judging the repaired text. `run` makes them on the copies where
    repair_definitions of upgrade.toml says so.

    With --scheduler, definitions are judged by the workers of a Dask cluster (pip install 'apim-upgrade[dask]'), and
    not by processes of this machine. For tls:// the certificates are those of Dask's own configuration.

    Exit codes: 0, no finding as bad as --fail-on; 1, there are some; 2, a rule could not be carried out, or wrong
    usage. `run` refuses to begin while a blocker is open.
    """
    from apim_upgrade.checks import Severity, all_rules, check, open_subject, read_baseline, selected
    from apim_upgrade.checks.definitions import judgements
    from apim_upgrade.checks.definitions import save_invalid as save
    from apim_upgrade.checks.outputs import render
    from apim_upgrade.checks.outputs.document import closing_lines
    from apim_upgrade.cli.reading import SERVER_RULES, reading, through_copy
    from apim_upgrade.errors import ProjectError
    from apim_upgrade.estate import read_estate, require_path

    if scheduler is not None and jobs is not None:
        raise ProjectError(
            "--jobs is for processes of this machine, --scheduler for the workers of a cluster.",
            hint="Give one of them.",
        )
    project = project_from(settings, target, h2_jar)
    wanted = project.target
    everything = all_rules()
    rules = selected(everything, select or [], ignore or [])
    accepted = read_baseline(baseline or project.check.baseline, everything, datetime.now(UTC).date())
    least = Severity.named(fail_on.value if fail_on else project.check.fail_on)
    told = source or (str(project.source) if project.source else None)
    if fix and save_invalid is None and output is None and format is not ReportFormat.TEXT:
        raise ProjectError(
            "--fix shows differences as text, and standard output is taken.",
            hint="Give --output FILE for the report, or --save-invalid DIR for the differences.",
        )
    with ExitStack() as opened:
        databases = opened.enter_context(reading(settings, project, told))
        estate = read_estate(databases, told)
        require_path(estate.release, wanted)
        if through_copy(project):
            rules = tuple(rule for rule in rules if not rule.code.startswith(SERVER_RULES))
            settings.output.say(f"Rules about the database server ({SERVER_RULES}x) are left out: a copy is looked at")
        workers = opened.enter_context(_workers(scheduler, jobs))
        subject = opened.enter_context(
            open_subject(databases, estate, wanted, project.choices, project.check, workers=workers)
        )
        with show_progress(noun="rules") as progress:
            report = check(subject, rules, baseline=accepted, listener=progress)
        _write(render(report, format.value, least), output)
        if output is not None or format is not ReportFormat.TEXT:
            for line in closing_lines(report):
                settings.output.say(line)
        if output is not None:
            settings.output.say(f"Written to {output}")
        if save_invalid is not None:
            saved = save(subject, judgements(subject).remarkable, save_invalid)
            settings.output.say(f"{saved:,} invalid definitions written to {save_invalid}")
        if fix:
            settings.output.say(_show_repairs(subject, save_invalid))
    return report.exit_code(least)


def _workers(scheduler: str | None, jobs: int | None) -> AbstractContextManager[Workers]:
    from apim_upgrade.checks.cluster import cluster
    from apim_upgrade.migrations.parallel import Processes

    return nullcontext(Processes(jobs)) if scheduler is None else cluster(scheduler)


def _write(text: str, output: Path | None) -> None:
    from apim_upgrade.errors import EnvironmentProblem

    if output is None:
        with to_standard_output():
            sys.stdout.write(text)
        return
    try:
        output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise EnvironmentProblem(
            f"{output} cannot be written: {error.strerror}.", hint="Make room, or name another file."
        ) from None


def _show_repairs(subject: Subject, folder: Path | None) -> str:
    """Print every repair as a difference, or write it into a folder; return what there is to say at the end."""
    from apim_upgrade.checks.definitions import repairs, save_repair

    made = moving = partial = none = 0
    for judged, repaired in repairs(subject):
        if repaired is None:
            none += 1
            continue
        made += repaired.is_made
        moving += repaired.complete and not repaired.is_made
        partial += not repaired.complete
        if folder is not None:
            save_repair(judged, repaired, folder)
            continue
        print(f"\n{judged.api}: {'; '.join(repaired.changes)}")
        if repaired.left:
            print(f"{repaired.left:,} messages remain, so `run` leaves it as it is.")
        elif repaired.moved:
            print(f"Operations would move ({', '.join(repaired.moved)}), so `run` leaves it as it is.")
        print(repaired.diff, flush=True)
    by_hand = f" and {moving:,} more by hand, for operations would move" if moving else ""
    return (
        f"{made:,} refused definitions can be repaired{by_hand}, {partial:,} only in part, {none:,} not; "
        "nothing was changed. `run` repairs the first where repair_definitions of upgrade.toml says so"
    )
