"""One upgrade from the first clone to commit, resumable at every moment; the run folder."""

from apim_upgrade.execution.finish import Checked, commit, committed_run, prove
from apim_upgrade.execution.folder import RunFolder, latest
from apim_upgrade.execution.order import Order, upgrade_of
from apim_upgrade.execution.run import RunResult, find_run, new_record, plan_for, run, stoppers

__all__ = [
    "Checked",
    "Order",
    "RunFolder",
    "RunResult",
    "commit",
    "committed_run",
    "find_run",
    "latest",
    "new_record",
    "plan_for",
    "prove",
    "run",
    "stoppers",
    "upgrade_of",
]
