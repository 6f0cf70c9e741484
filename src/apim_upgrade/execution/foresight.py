"""What a run would do, found out without doing it: the plan, the rows in the way, and what changed since last time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from apim_upgrade import __version__
from apim_upgrade.databases import Database
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.databases.facts import TableFacts
from apim_upgrade.engine import RunRecord, Step, journal, new_run_id
from apim_upgrade.errors import EstateError, ProjectError
from apim_upgrade.estate import Estate, drift, read_estate, require_path
from apim_upgrade.execution.committed import database_names
from apim_upgrade.execution.folder import PLAN, RunFolder
from apim_upgrade.execution.moving import refuse_unmoved
from apim_upgrade.execution.order import Order, settings_text, upgrade_of
from apim_upgrade.planning import FORM, Plan, closing_steps, data_steps, make_plan, opening_steps, write_sql
from apim_upgrade.releases import part_of
from apim_upgrade.schema import Schema, Violation, introspect, predicted_after_expand, violations


@dataclass(frozen=True, slots=True)
class Prospect:
    """The estate as it is and what a run that began now would do to it."""

    estate: Estate
    record: RunRecord
    steps: tuple[Step, ...]
    plan: Plan
    stoppers: tuple[Violation, ...]
    """Rows that a constraint of the target would refuse and that no step may mend."""


def foresee(order: Order, source: str | None) -> Prospect:
    """
    Read the originals and compose the whole upgrade; nothing is changed.

    Raises EstateError where the databases are no estate, ProjectError where the target cannot be reached.
    """
    refuse_unmoved(order)
    originals = order.originals()
    estate = read_estate(originals, source or order.source)
    require_path(estate.release, order.target)
    record = RunRecord(
        new_run_id(),
        __version__,
        str(estate.release),
        str(order.target),
        estate.fingerprint,
        journal.now(),
        settings_text(estate.tenants, estate.as_json()),
    )
    upgrade = upgrade_of(record, order.choices)
    live = introspect_all(originals)
    steps = [*opening_steps(upgrade, estate.kind, live), *data_steps(upgrade)]
    predicted: dict[str, Schema] = {}
    refused: list[Violation] = []
    for name, database in originals.items():
        part = part_of(name, originals)
        predicted[name] = predicted_after_expand(estate.kind, live[name], upgrade.target, part)
        with database.read() as session:
            refused += violations(session, estate.kind, live[name], upgrade.target, name, part)
    steps += closing_steps(upgrade, estate.kind, predicted)
    plan = make_plan(record.source, record.target, estate.fingerprint, steps, originals, table_facts(originals))
    return Prospect(estate, record, tuple(steps), plan, tuple(each for each in refused if each.remedy == "stop"))


def store_plan(order: Order, prospect: Prospect) -> Path:
    """Store the plan with the estate it was made for, where ``run`` will look for it."""
    document = {**prospect.plan.as_json(), "estate_before": prospect.estate.as_json()}
    return RunFolder(order.runs).write_json(PLAN, document)


def refuse_drift(order: Order, estate: Estate) -> None:
    """Raise EstateError when a plan was stored for this target and the estate is not any more what it was then."""
    stored = RunFolder(order.runs).read_json(PLAN)
    if stored is None or stored.get("target") != str(order.target):
        return
    if stored.get("schema") != FORM or "estate_before" not in stored:
        raise ProjectError(f"{order.runs / PLAN} is no plan of this tool.", hint="Run `apim-upgrade plan` again.")
    try:
        changes = drift(stored["estate_before"], estate)
    except (KeyError, TypeError):
        raise RunFolder(order.runs).spoiled(PLAN) from None
    if changes:
        raise EstateError(
            f"The estate is not what it was when the plan was stored: {'; '.join(changes[:5])}.",
            hint="Run `apim-upgrade plan` again and look at it, then run.",
        )


def write_statements(order: Order, prospect: Prospect, folder: Path) -> list[Path]:
    """Write every statement of the run as SQL files; returns the index and the files. Raises ProjectError."""
    try:
        if folder.exists() and any(folder.iterdir()):
            raise ProjectError(f"--sql: {folder} is not empty.", hint="Name a folder that is, or that does not exist.")
        with order.originals()["am"].read() as session:
            return write_sql(folder, prospect.steps, session, database_names(order))
    except OSError as error:
        raise ProjectError(
            f"--sql: {folder} cannot be written: {error.strerror}.", hint="Name a folder that can be."
        ) from None


def table_facts(databases: Mapping[str, Database]) -> dict[str, dict[str, TableFacts]]:
    """What the servers know of their tables, by database and by table in lower case."""
    facts = {}
    for name, database in databases.items():
        with database.autocommit() as session:
            facts[name] = {table.lower(): each for table, each in dbms_of(database.kind).tables(session).items()}
    return facts


def introspect_all(databases: Mapping[str, Database]) -> dict[str, Schema]:
    """The schemas of the databases as they are now."""
    live = {}
    for name, database in databases.items():
        with database.read() as session:
            live[name] = introspect(session)
    return live
