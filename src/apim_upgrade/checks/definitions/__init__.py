"""
The definitions of all APIs, as the target release would judge them.

Streamed from the registry, judged over all processors by :mod:`apim_upgrade.definitions`; only what is not in order is
kept.
"""

from apim_upgrade.checks.definitions.judging import Judged, Verdict, judgements
from apim_upgrade.checks.definitions.repairing import Repaired, repairs
from apim_upgrade.checks.definitions.saving import save_invalid, save_repair
from apim_upgrade.checks.definitions.stored import Stored, stored_definitions

__all__ = [
    "Judged",
    "Repaired",
    "Stored",
    "Verdict",
    "judgements",
    "repairs",
    "save_invalid",
    "save_repair",
    "stored_definitions",
]
