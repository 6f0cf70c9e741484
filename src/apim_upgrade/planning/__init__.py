"""From an estate to the ordered steps that upgrade it, as a value to read, count, print as SQL, and run."""

from apim_upgrade.planning.compose import closing_steps, data_steps, opening_steps
from apim_upgrade.planning.estimate import Estimate, Measured, Work, estimate, measurements
from apim_upgrade.planning.plan import FORM, Plan, PlannedStep, make_plan
from apim_upgrade.planning.sql_files import write_sql

__all__ = [
    "FORM",
    "Estimate",
    "Measured",
    "Plan",
    "PlannedStep",
    "Work",
    "closing_steps",
    "data_steps",
    "estimate",
    "make_plan",
    "measurements",
    "opening_steps",
    "write_sql",
]
