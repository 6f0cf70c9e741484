"""Runs that were committed: the databases know nothing of them any more, the run folder does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from apim_upgrade.engine import RunRecord
from apim_upgrade.errors import EstateError
from apim_upgrade.estate.detect import columns_of, detect
from apim_upgrade.execution.folder import EXPORTED, JOURNAL, RunFolder, committed_folders
from apim_upgrade.execution.order import Order
from apim_upgrade.releases import part_of
from apim_upgrade.schema import introspect


@dataclass(frozen=True, slots=True)
class Committed:
    """A run that was committed; ``journal`` is what its databases held of it."""

    folder: RunFolder
    journal: dict[str, Any]

    @property
    def sentence(self) -> str:
        """That it is, for a person who asks for it again."""
        run = self.journal["run"]
        return f"The upgrade from {run['source']} to {run['target']} is committed already (run {run['id']})."

    @property
    def hint(self) -> str:
        """What to do when that is not what was meant."""
        return f"Nothing is left to do. To begin anew, drop the upgraded databases and remove {self.folder.path}."


def committed(order: Order) -> Committed | None:
    """
    The newest committed run of this order, when its databases are still there.

    Only meaningful where no database holds a journal.
    """
    names = database_names(order)
    for folder in committed_folders(order.runs):
        exported = folder.read_json(JOURNAL, *EXPORTED)
        if (
            exported is not None
            and exported["run"]["target"] == str(order.target)
            and exported["databases"] == names
            and _upgraded(order)
        ):
            return Committed(folder, exported)
    return None


def refuse_half_committed(order: Order, record: RunRecord) -> None:
    """Raise EstateError when ``commit`` was interrupted after its point of no return: only it can go on."""
    if RunFolder(order.runs / record.run_id).file(JOURNAL).exists():
        raise EstateError(
            f"The commit of run {record.run_id} was interrupted.", hint="Finish it with `apim-upgrade commit`."
        )


def database_names(order: Order) -> dict[str, str]:
    """The databases that are changed, by the names their server knows."""
    return {name: database.address.database for name, database in order.targets().items()}


def _upgraded(order: Order) -> bool:
    """Whether the databases are there; in place, whether they are not an old backup again."""
    if not order.in_place:
        return order.present().keys() == order.clones.keys()
    am, part = order.targets()["am"], part_of("am", order.addresses)
    with am.read() as session:
        return order.target in detect(columns_of(introspect(session)), am.kind, part).candidates
