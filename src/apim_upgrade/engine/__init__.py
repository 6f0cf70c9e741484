"""Steps, their journal, and the runner. Knows nothing of API-M nor of any DBMS."""

from apim_upgrade.engine.events import (
    Event,
    Listener,
    StepFinished,
    StepProgress,
    StepRemark,
    StepsForetold,
    StepSkipped,
    StepStarted,
)
from apim_upgrade.engine.journal import Entry, RunRecord, new_run_id
from apim_upgrade.engine.ports import Database, Session
from apim_upgrade.engine.runner import Outcome, Runner, Watch, unwatched
from apim_upgrade.engine.stage import Drawn, drawn, stage_table
from apim_upgrade.engine.step import Load, Operation, Phase, Sql, Stage, Step
from apim_upgrade.engine.work import ItemVerdict, Verdict, Work

__all__ = [
    "Database",
    "Drawn",
    "Entry",
    "Event",
    "ItemVerdict",
    "Listener",
    "Load",
    "Operation",
    "Outcome",
    "Phase",
    "RunRecord",
    "Runner",
    "Session",
    "Sql",
    "Stage",
    "Step",
    "StepFinished",
    "StepProgress",
    "StepRemark",
    "StepSkipped",
    "StepStarted",
    "StepsForetold",
    "Verdict",
    "Watch",
    "Work",
    "drawn",
    "new_run_id",
    "stage_table",
    "unwatched",
]
