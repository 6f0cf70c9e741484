"""
The definitions of all APIs, as the target release would judge them.

Streamed from the registry, judged over all processors by :mod:`apim_upgrade.definitions`; only what is not in order is
kept.
"""

from apim_upgrade.checks.definitions.judging import Judged, Verdict, judge_all
from apim_upgrade.checks.definitions.saving import save_invalid
from apim_upgrade.checks.definitions.stored import Stored, stored_definitions

__all__ = ["Judged", "Stored", "Verdict", "judge_all", "save_invalid", "stored_definitions"]
