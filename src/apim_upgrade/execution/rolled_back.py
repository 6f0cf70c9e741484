"""Runs that were rolled back: the databases know nothing of them any more, the run folder does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from apim_upgrade.errors import EstateError
from apim_upgrade.execution.committed import database_names
from apim_upgrade.execution.folder import ROLLBACK, RunFolder, rolled_back_folders
from apim_upgrade.execution.order import Order

FORM = "apim-upgrade/rollback/1"
BEGUN, DONE = "begun", "done"


class Kind(StrEnum):
    """The ways back."""

    COPIES = "copies"
    UNDO = "undo"
    BACKUP = "backup"
    MOVED = "moved"

    @property
    def words(self) -> str:
        """What is done, for a person."""
        return {
            Kind.COPIES: "by dropping the copies",
            Kind.UNDO: "by undoing every step",
            Kind.BACKUP: "by the backup",
            Kind.MOVED: "by dropping what was moved",
        }[self]


@dataclass(frozen=True, slots=True)
class RolledBack:
    """A run that was rolled back, or half so; ``document`` is what its folder keeps of it."""

    folder: RunFolder
    document: dict[str, Any]

    @property
    def run(self) -> dict[str, Any]:
        """The run as reports tell it."""
        run: dict[str, Any] = self.document["journal"]["run"]
        return run

    @property
    def done(self) -> bool:
        """Whether the rollback came to its end."""
        return bool(self.document["state"] == DONE)

    @property
    def sentence(self) -> str:
        """That it is, for a person."""
        run = self.run
        return f"The upgrade from {run['source']} to {run['target']} is rolled back (run {run['id']})."


def rolled_back(order: Order) -> RolledBack | None:
    """The newest run on these databases that was rolled back, wholly or half."""
    for folder in rolled_back_folders(order.runs):
        document = folder.read_json(ROLLBACK, "state", "databases", "journal", "written")
        if document is not None and document["databases"] == database_names(order):
            return RolledBack(folder, document)
    return None


def refuse_half_rolled_back(order: Order) -> None:
    """Raise EstateError when a rollback of these databases was interrupted: only it can go on."""
    found = rolled_back(order)
    if found is not None and not found.done:
        raise EstateError(
            f"The rollback of run {found.run['id']} was interrupted.", hint="Finish it with `apim-upgrade rollback`."
        )
