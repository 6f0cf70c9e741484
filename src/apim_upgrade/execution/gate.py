"""No run begins while a blocker is open that nobody has accepted."""

from __future__ import annotations

from collections.abc import Callable

from apim_upgrade.checks import Report, Severity, all_rules, check, open_subject, read_baseline
from apim_upgrade.engine import journal
from apim_upgrade.errors import EstateError
from apim_upgrade.estate import Estate
from apim_upgrade.execution.order import Order

_TOLD = 5
_FORESEEN = frozenset(("DB001", "DB002", "DB003", "DB004"))
"""What the plan foresees by itself and nobody can accept: the schema of the target refuses it."""


def preflight(order: Order, estate: Estate) -> Report:
    """Carry out every rule that may find a blocker, on the originals; read only."""
    everything = all_rules()
    rules = [rule for rule in everything if rule.severity is Severity.BLOCKER and rule.code not in _FORESEEN]
    baseline = read_baseline(order.check.baseline, everything, journal.now().date())
    with open_subject(order.originals(), estate, order.target, order.choices, order.check) as subject:
        return check(subject, rules, baseline=baseline, listener=lambda event: None)


def blockers(report: Report) -> list[str]:
    """Every open blocker in one sentence."""
    return [f"{each.code}: {each.message}" for each in report.findings if each.severity is Severity.BLOCKER]


def refuse_blockers(order: Order, estate: Estate, say: Callable[[str], None]) -> None:
    """Raise EstateError while a blocker is open; warn of rules that could not be carried out."""
    say("Looking for what would break")
    report = preflight(order, estate)
    for unchecked in report.unchecked:
        say(f"warning: {unchecked.rule.code} could not be checked: {unchecked.reason}")
    found = blockers(report)
    if found:
        more = f" and {len(found) - _TOLD:,} more" if len(found) > _TOLD else ""
        raise EstateError(
            f"{len(found):,} blockers are open: {' '.join(found[:_TOLD])}{more}",
            hint="`apim-upgrade check` says how to mend each, or accept it in the baseline; nothing was changed.",
        )
