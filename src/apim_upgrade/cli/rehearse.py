"""``rehearse``: the whole upgrade, on databases that are thrown away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from apim_upgrade.cli.ordering import SOURCE, TARGET, order_from, project_from, release_option
from apim_upgrade.cli.progress import show_progress
from apim_upgrade.cli.settings import Settings

if TYPE_CHECKING:
    from rich.console import RenderableType

    from apim_upgrade.execution import Order, Rehearsed

_SHOWN = 10


def command(
    settings: Settings,
    more: Annotated[list[str] | None, typer.Argument(metavar="[DUMP]...", help="More dumps, after --dump.")] = None,
    target: TARGET = None,
    source: SOURCE = None,
    dump: Annotated[
        list[str] | None,
        typer.Option(
            "--dump", metavar="DUMP", help="Dumps of am and shared, in this order, or NAME=FILE for any database."
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the upgraded databases to look at them.")] = False,
) -> int:
    """
    Check, upgrade and prove, all of it, on databases that are thrown away. The originals are only read.

    Without dumps, copies called <database>_rehearsal are made on the server, upgraded, and dropped at the end. With
    --dump AM.dump SHARED.dump, these are restored into a server of the tool's own: no database server has to run, and
    with --to there need be no project file. Dumps are what pg_dump writes (plain SQL, custom, directory, tar), restored
    into a PostgreSQL from pip install 'apim-upgrade[demo]', or what mysqldump and mariadb-dump write, restored into an
    installed MariaDB. SQL may be packed (.sql.gz).

    Open blockers do not stop a rehearsal; they are told. Its folder, rehearsals/<time> in the run folder, holds the
    reports and rehearsal.json: what failed, how long each step took, bytes written, the most that lay on the disk.
    `estimate` learns from it. What a killed rehearsal leaves, the next one removes.

    Exit codes: 0, all done and proven and no finding as bad as fail_on of [check]; 1, otherwise.
    """
    from apim_upgrade.execution import rehearse

    files = _dumps([*(dump or []), *(more or [])], given=bool(dump))
    order = _order(settings, target, files)
    with show_progress(noun="rules and steps") as progress:
        rehearsed = rehearse(order, source, files, keep=keep, listener=progress, say=progress.say)
    settings.output.result(
        "rehearse",
        {**rehearsed.document, "folder": str(rehearsed.folder.path), "page": str(rehearsed.page)},
        lambda: _text(rehearsed),
    )
    return 0 if rehearsed.passed else 1


def _dumps(texts: Sequence[str], *, given: bool) -> dict[str, Path]:
    """Say which dump is of which database: those without a name are of ``am`` and ``shared``, in this order."""
    from apim_upgrade.errors import ProjectError
    from apim_upgrade.releases import HOME_OF, PARTS

    if texts and not given:
        raise ProjectError(f"{texts[0]} is no option.", hint="Give dumps with --dump AM.dump SHARED.dump.")
    known = (*PARTS, *HOME_OF)
    files: dict[str, Path] = {}
    for text in texts:
        name, equals, file = text.partition("=")
        if not equals or name not in known:
            name, file = next((part for part in PARTS if part not in files), ""), text
        if not name:
            raise ProjectError(
                f"--dump: it is not said of which database {text} is.",
                hint=f"Write NAME=FILE; the names are {', '.join(known)}.",
            )
        if name in files:
            raise ProjectError(f"--dump: there are two dumps of {name}.", hint="Give one for each database.")
        files[name] = Path(file)
    missing = [part for part in PARTS if part not in files]
    if files and missing:
        raise ProjectError(
            f"--dump: the dump of {missing[0]} is missing.", hint="Give both: --dump AM.dump SHARED.dump."
        )
    return files


def _order(settings: Settings, target: str | None, files: Mapping[str, Path]) -> Order:
    """The order of the project file; where dumps and a target are given, there need be none."""
    from apim_upgrade.databases import Address
    from apim_upgrade.execution import Order
    from apim_upgrade.migrations.upgrade import Choices

    if not files:
        return order_from(settings, target=target)
    # Where a restored dump lies is known when the server is up; until then nothing is asked of it.
    nowhere = {name: Address("postgresql", "", 0, name, "") for name in files}
    if target is not None and settings.environment is None and not settings.project.exists():
        return Order(nowhere, {}, release_option(target), Choices(), Path("runs"))
    project = project_from(settings, target)
    said = str(project.source) if project.source else None
    return Order(nowhere, {}, project.target, project.choices, project.runs, said, project.check, project.environment)


def _text(rehearsed: Rehearsed) -> Iterator[RenderableType]:
    from apim_upgrade.cli.output import make_table
    from apim_upgrade.cli.progress_views import duration

    document = rehearsed.document
    seconds, disk, check = document["seconds"], document["disk"], document["check"]
    yield f"Rehearsal of API Manager {document['source']} to {document['target']}: {document['state']}"
    if document["failure"]:
        yield f"  {document['failure']['message']} {document['failure']['hint']}".rstrip()
    found = ", ".join(f"{number:,} {severity}" for severity, number in check["open"].items() if number)
    yield f"Findings: {found or 'none'}"
    yield from (f"  blocker {each['code']}: {each['message']}" for each in _blockers(check)[:_SHOWN])
    for item in [item for item in document["items"] if item["verdict"] == "failed"][:_SHOWN]:
        yield f"  failed: {item['item']}: {item['reason']} {item['action']}"
    held = sum(proof["holds"] for proof in document["proofs"])
    yield f"{held} of {len(document['proofs'])} proofs hold"
    yield from (f"  FAILS: {each['found']:,} {each['title']}" for each in document["proofs"] if not each["holds"])
    parts = [(name, seconds[name]) for name in ("restoring", "checking", "upgrading", "proving") if seconds[name]]
    yield "Time: " + ", ".join(f"{name} {duration(took)}" for name, took in parts)
    yield (
        f"Disk: {_size(disk['before'])} before, {_size(disk['peak'])} at the peak, {_size(disk['after'])} after; "
        f"{_size(disk['written'])} written"
    )
    longest = sorted(document["steps"], key=lambda step: -step["seconds"])[:_SHOWN]
    yield make_table(
        "The longest steps",
        ("step", "seconds", "looked at", "changed"),
        ((each["step"], f"{each['seconds']:.2f}", each["seen"], each["changed"]) for each in longest),
    )
    if document["kept"]:
        yield document["kept"]
    yield f"Report: {rehearsed.page}"


def _blockers(check: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [each for each in check["findings"] if each["severity"] == "blocker"]


def _size(size: int | None) -> str:
    return "not known" if size is None else f"{size / 1e6:,.1f} MB"
