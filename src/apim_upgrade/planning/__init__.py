"""From an estate to the ordered steps that upgrade it, as a value to read, count, print as SQL, and run."""

from apim_upgrade.planning.compose import closing_steps, data_steps, opening_steps
from apim_upgrade.planning.plan import FORM, Plan, PlannedStep, make_plan
from apim_upgrade.planning.sql_files import write_sql

__all__ = ["FORM", "Plan", "PlannedStep", "closing_steps", "data_steps", "make_plan", "opening_steps", "write_sql"]
