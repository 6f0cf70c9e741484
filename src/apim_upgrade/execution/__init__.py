"""One upgrade from the first clone to commit, resumable at every moment; the run folder."""

from apim_upgrade.execution.backup import DEFAULT as DEFAULT_BACKUPS
from apim_upgrade.execution.backup import Wish
from apim_upgrade.execution.committed import Committed, committed
from apim_upgrade.execution.computing import Computed, compute_rows
from apim_upgrade.execution.environments import out_of_order, record_success
from apim_upgrade.execution.finish import Checked, commit, prove, report
from apim_upgrade.execution.folder import RunFolder
from apim_upgrade.execution.forecast import forecast
from apim_upgrade.execution.foresight import Prospect, foresee, store_plan, write_statements
from apim_upgrade.execution.gate import blockers, preflight
from apim_upgrade.execution.moving import move, written_since
from apim_upgrade.execution.offline import OfflinePlan, foresee_offline, rows_folder, write_scripts
from apim_upgrade.execution.order import Order, upgrade_of
from apim_upgrade.execution.rehearsal import Rehearsed, rehearse
from apim_upgrade.execution.rollback import Way, foretold, rollback
from apim_upgrade.execution.rolled_back import RolledBack, rolled_back
from apim_upgrade.execution.run import RunResult, find_run, run
from apim_upgrade.execution.status import Status, status_of

__all__ = [
    "DEFAULT_BACKUPS",
    "Checked",
    "Committed",
    "Computed",
    "OfflinePlan",
    "Order",
    "Prospect",
    "Rehearsed",
    "RolledBack",
    "RunFolder",
    "RunResult",
    "Status",
    "Way",
    "Wish",
    "blockers",
    "commit",
    "committed",
    "compute_rows",
    "find_run",
    "forecast",
    "foresee",
    "foresee_offline",
    "foretold",
    "move",
    "out_of_order",
    "preflight",
    "prove",
    "record_success",
    "rehearse",
    "report",
    "rollback",
    "rolled_back",
    "rows_folder",
    "run",
    "status_of",
    "store_plan",
    "upgrade_of",
    "write_scripts",
    "write_statements",
    "written_since",
]
