"""
One upgrade from the first clone to the last step, and again from wherever it stopped.

Every state can be told from the databases themselves: no clone yet; a clone with a journal (it is ours, resume); a
database of that name without one (not ours, refuse).
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Set
from contextlib import ExitStack
from dataclasses import dataclass

from apim_upgrade import __version__
from apim_upgrade.databases import Address, Database, clone, database_exists
from apim_upgrade.databases.backup import obstacle_to_swap
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.engine import Listener, Outcome, Phase, Runner, RunRecord, StepsForetold, Watch, journal, unwatched
from apim_upgrade.errors import EstateError
from apim_upgrade.execution import disks
from apim_upgrade.execution.backup import DEFAULT, Wish, take_backup
from apim_upgrade.execution.committed import committed, refuse_half_committed
from apim_upgrade.execution.environments import take_turn
from apim_upgrade.execution.folder import ESTATE, ESTIMATE, PLAN, RunFolder, one_at_a_time
from apim_upgrade.execution.forecast import forecast
from apim_upgrade.execution.foresight import foresee, introspect_all, refuse_drift
from apim_upgrade.execution.gate import refuse_blockers
from apim_upgrade.execution.moving import MOVED, bring_over
from apim_upgrade.execution.order import (
    Order,
    backup_of,
    changed_choices,
    databases_of,
    made_of,
    remembered_choices,
    remembering,
    upgrade_of,
)
from apim_upgrade.execution.rolled_back import refuse_half_rolled_back
from apim_upgrade.planning import Plan, closing_steps, data_steps, opening_steps
from apim_upgrade.schema import introspect
from apim_upgrade.schema.noted import noted

_GROWTH = 1.1
"""What a copy takes beside its original: a tenth is for what the upgrade adds."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class RunResult:
    """What an execution did; ``outcome`` counts over all phases."""

    record: RunRecord
    folder: RunFolder
    outcome: Outcome
    copying: Mapping[str, float]
    """Seconds that it took to copy a database, for those that were copied now."""


def run(
    order: Order,
    source: str | None,
    *,
    retry_failed: bool,
    listener: Listener,
    say: Say,
    backup: Wish | None = None,
    watch: Watch = unwatched,
) -> RunResult:
    """
    Upgrade the estate, or go on with an upgrade that was begun.

    A ``backup`` is taken before anything is changed; in place there is always one, in the runs folder where nothing
    else was wished. ``source`` is the operator's word for the release, used only where the schema is ambiguous; rows
    that steps compute go through ``watch``.
    Raises EstateError, EnvironmentProblem or StepFailed; whatever is raised, running again resumes. A committed run
    raises EstateError: ask :func:`committed` first.
    """
    with one_at_a_time(order.runs):
        refuse_half_rolled_back(order)
        record = find_run(order)
        if record is None:
            record = _backed_up(order, _begin(order, source, say), backup, say)
        elif record.target != str(order.target):
            raise EstateError(
                f"These databases are in the middle of an upgrade from {record.source} to {record.target}.",
                hint=f'Set target = "{record.target}" to finish it, or take it back with `apim-upgrade rollback`.',
            )
        elif backup is not None:
            _refuse_late_backup(record)
        for option in changed_choices(record, order.choices):
            say(
                f"warning: options.{option} is not what it was when the run began: what is done stays as it is, and "
                "only what is still to do follows it"
            )
        refuse_half_committed(order, record)
        databases, copying = _open(order, record, say)
        with ExitStack() as stack:
            for database in databases.values():
                stack.callback(database.close)
                stack.enter_context(database.lock("run"))
            outcome = _execute(order, record, databases, retry_failed, listener, watch)
        return RunResult(record, RunFolder(order.runs / record.run_id), outcome, copying)


def find_run(order: Order) -> RunRecord | None:
    """
    The run that the target databases are part of, if any.

    Raises EstateError when they belong to different runs, or when the run was begun with other databases or by a later
    version of this tool.
    """
    records = {}
    for name, database in order.present().items():
        with database.read() as session:
            records[name] = journal.read_run(session)
    found = {record.run_id: record for record in records.values() if record is not None}
    if len(found) > 1:
        raise EstateError(
            f"The databases {' and '.join(records)} belong to different runs.", hint="Drop the clones and run again."
        )
    record = next(iter(found.values()), None)
    if record is not None:
        _refuse_later_tool(record)
    if record is not None and set(databases_of(record)) != set(order.addresses):
        raise EstateError(
            f"The run was begun with the databases {', '.join(databases_of(record))}, "
            f"and upgrade.toml names {', '.join(order.addresses)}.",
            hint="Name the same databases as then to go on with it.",
        )
    if record is not None:
        _refuse_copies_of_another_estate(order, record)
    return record


def _refuse_later_tool(record: RunRecord) -> None:
    """What a later version has begun may have steps, and a journal, that this one knows nothing of."""
    if _version(record.tool) > _version(__version__):
        raise EstateError(
            f"Run {record.run_id} was begun by apim-upgrade {record.tool}, and this is {__version__}.",
            hint="Go on with that version or a later one; nothing was changed.",
        )


def _version(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", text))


def _refuse_copies_of_another_estate(order: Order, record: RunRecord) -> None:
    """Two estates on one server, such as those of two environments, may have been given copies of one name."""
    for name, before in made_of(record).items():
        now = order.addresses[name].database
        if before != now:
            raise EstateError(
                f"The copy {order.clones.get(name, now)} was made of the database {before}, "
                f"and upgrade.toml names {now}.",
                hint=f"Name another copy as clone in [database.{name}].",
            )


def _begin(order: Order, source: str | None, say: Say) -> RunRecord:
    """Look at the estate, refuse what cannot succeed, write the plan down; nothing is changed yet."""
    if (before := committed(order)) is not None:
        raise EstateError(before.sentence, hint=before.hint)
    _refuse_begun_in_place(order)
    moves = bring_over(order, source, say) if order.moved_from else {}
    say("Reading the estate")
    prospect = foresee(order, source)
    for warning in prospect.estate.warnings:
        say(f"warning: {warning}")
    refuse_drift(order, prospect.estate)
    if prospect.stoppers:
        raise EstateError(
            f"{len(prospect.stoppers)} constraints of {order.target} would reject rows: "
            + "; ".join(violation.sentence() for violation in prospect.stoppers[:5])
            + ".",
            hint="Mend these rows first; nothing was changed.",
        )
    turn = take_turn(order, prospect.plan.fingerprint)
    if not order.rehearsal:
        refuse_blockers(order, prospect.estate, say)
    folder = RunFolder(order.runs / prospect.record.run_id)
    folder.write_json(PLAN, prospect.plan.as_json())
    folder.write_json(ESTATE, prospect.estate.as_json())
    folder.write_json(ESTIMATE, forecast(order, prospect).as_json())
    if moves:
        folder.write_json(MOVED, {name: each.as_json() for name, each in moves.items()})
    more = {"rehearsal": order.rehearsal, "choices": remembered_choices(order.choices)}
    return remembering(prospect.record, turn | more)


def _backed_up(order: Order, record: RunRecord, wish: Wish | None, say: Say) -> RunRecord:
    """Take the backup that was wished or that has to be; the record remembers it."""
    if wish is None and order.in_place and not order.moved_from and not order.rehearsal:
        wish = Wish(order.runs / DEFAULT)
    if wish is None:
        return record
    if order.in_place:
        for address in order.addresses.values():
            obstacle = obstacle_to_swap(address)
            if obstacle is not None:
                say(f"warning: `apim-upgrade rollback` is not possible as things are: {obstacle[0]}. {obstacle[1]}")
    note = take_backup(order.originals(), wish, record.source, say)
    return remembering(record, {"backup": note})


def _refuse_late_backup(record: RunRecord) -> None:
    """A backup is one of the state before; whoever asks for it later has to know that there is none."""
    if backup_of(record) is None:
        raise EstateError(
            f"Run {record.run_id} was begun without a backup, and it is too late for one.",
            hint="Go on without --backup, or take the run back with `apim-upgrade rollback` and begin anew.",
        )


def _refuse_begun_in_place(order: Order) -> None:
    """The originals may be in the middle of an upgrade in place; copying them would copy a half-done one."""
    if order.in_place:
        return
    for database in order.originals().values():
        with database.read() as session:
            record = journal.read_run(session)
        if record is not None:
            raise EstateError(
                f"Database {database.name} ({database.address}) is in the middle of an upgrade in place, "
                f"from {record.source} to {record.target}.",
                hint="Give --in-place to go on with it, or name the original database.",
            )


def _open(order: Order, record: RunRecord, say: Say) -> tuple[Mapping[str, Database], Mapping[str, float]]:
    """
    Make the clones that are missing and the journals in them.

    Returns the databases to change, and the seconds that copying took.
    """
    targets = order.targets(keep_connections=True)
    copying: dict[str, float] = {}
    refuse_too_little_room(order, say)

    def open_journal(name: str) -> Callable[[Address], None]:
        def opened(address: Address) -> None:
            with Database(name, address).write() as session:
                shape = noted(introspect(session))
                journal.open_journal(session, record)
                if order.in_place:
                    journal.record_shape(session, shape)
                # With stale figures the planner joins by tenant alone, and a step of seconds takes hours.
                session.analyze_all()

        return opened

    for name, address in order.addresses.items():
        if not order.in_place and not database_exists(address, order.clones[name]):
            say(f"Cloning {name} ({address}) to {order.clones[name]}")
            # The journal is opened before the copy gets its final name: a database of that name is always resumable.
            began = time.monotonic()
            how = clone(address, order.clones[name], open_journal(name), say)
            copying[name] = time.monotonic() - began
            say(f"Cloned {name} {how}")
            continue
        with targets[name].read() as session:
            found = journal.read_run(session)
        if found is None and order.in_place and not _any_step(targets):
            open_journal(name)(address)
        elif found is None:
            where = f"Database {targets[name].address.database} exists and holds no journal of a run in progress."
            hint = "Name the run folder of that run, or restore both databases from their backup."
            raise EstateError(
                where, hint=hint if order.in_place else f"Drop it, or set another name as clone in [database.{name}]."
            )
        elif found.run_id != record.run_id:
            raise EstateError(f"Another run was begun in the meantime: {found.run_id}.", hint="Run again to resume it.")
    return targets, copying


def refuse_too_little_room(order: Order, say: Say) -> None:
    """Raise EnvironmentProblem when the copies that are to be made would fill the disk of their server."""
    originals = order.originals()
    missing = {name: originals[name] for name in order.clones if name not in order.present()}
    if missing:
        facts = disks.facts_of(missing)
        needed = {name: facts[name].size * _GROWTH for name in missing}
        disks.require_room_on_servers(missing, facts, needed, "Copying the databases", say)


def _any_step(targets: Mapping[str, Database]) -> bool:
    """Whether a step was recorded anywhere: steps begin when every database has its journal, so none is new then."""
    for database in targets.values():
        with database.read() as session:
            if session.exists(journal.JOURNAL.name) and journal.read_entries(session):
                return True
    return False


def _planned(folder: RunFolder) -> Plan | None:
    stored = folder.read_json(PLAN)
    try:
        return None if stored is None else Plan.from_json(stored)
    except (KeyError, TypeError, ValueError):
        raise folder.spoiled(PLAN) from None


def _foretold(folder: RunFolder, steps: Set[str]) -> dict[str, float]:
    """Seconds of each of the ``steps``, as far as they were foretold when the run began."""
    stored = folder.read_json(ESTIMATE)
    try:
        told = {} if stored is None else {each["step"]: float(each["seconds"]) for each in stored["steps"]}
    except (KeyError, TypeError, ValueError):
        raise folder.spoiled(ESTIMATE) from None
    return {step: seconds for step, seconds in told.items() if step in steps}


def _execute(
    order: Order,
    record: RunRecord,
    databases: Mapping[str, Database],
    retry_failed: bool,
    listener: Listener,
    watch: Watch,
) -> Outcome:
    upgrade = upgrade_of(record, order.choices)
    kind = databases["am"].kind
    folder = RunFolder(order.runs / record.run_id)
    plan = _planned(folder)
    expected = plan.expected() if plan else {}
    if plan is not None:
        listener(StepsForetold(_foretold(folder, {step.name for step in plan.steps})))
    runner = Runner(databases, record, listener, disks.watch_servers(databases), watch)
    opening = [*opening_steps(upgrade, kind, introspect_all(databases)), *data_steps(upgrade)]
    total = max(len(plan.steps) if plan else 0, len(opening))
    first = runner.run(opening, expected=expected, retry_failed=retry_failed, total=total)
    closing = closing_steps(upgrade, kind, introspect_all(databases))
    last = runner.run(
        closing,
        expected=expected,
        retry_failed=retry_failed,
        first_position=len(opening) + 1,
        total=max(total, len(opening) + len(closing)),
    )
    for database in databases.values():
        with database.write() as session:
            journal.forget_failures(session, [phase.value for phase in Phase if phase is not Phase.COMMIT])
            journal.record_end(session, dbms_of(database.kind).moment(session))
    return Outcome(first.done + last.done, first.already_done + last.already_done, last.failed_items)
