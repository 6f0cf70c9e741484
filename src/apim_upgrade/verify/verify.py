"""All proofs of one upgraded estate."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime

from apim_upgrade.engine import Database, Session, journal
from apim_upgrade.releases import Release, part_of
from apim_upgrade.schema import differences_to_target, introspect
from apim_upgrade.verify.conservation import TableCount, conservation, table_counts
from apim_upgrade.verify.definitions import artifacts_open, definitions_parse
from apim_upgrade.verify.invariants import configurations_parse, invariants, registry_agrees
from apim_upgrade.verify.proof import Proof


@dataclass(frozen=True, slots=True)
class Verification:
    """The proofs, and the counts of every table that they rest on."""

    proofs: tuple[Proof, ...]
    counts: Mapping[str, tuple[TableCount, ...]]
    remarks: tuple[str, ...] = ()
    """Damage that was there before the run."""

    @property
    def holds(self) -> bool:
        """Whether every proof holds."""
        return all(proof.holds for proof in self.proofs)


def verify(
    databases: Mapping[str, Database], kind: str, target: Release, *, started: datetime, committed: bool
) -> Verification:
    """
    Prove an upgraded estate, reading only.

    Before ``commit`` what only the old release used is still there and is not counted as a difference of the schema;
    after it the schema must equal the target's catalogue, customers' own objects excepted.
    """
    proofs: list[Proof] = []
    counts: dict[str, tuple[TableCount, ...]] = {}
    with ExitStack() as stack:
        sessions: dict[str, Session] = {
            name: stack.enter_context(database.read()) for name, database in databases.items()
        }
        for name, session in sessions.items():
            live = introspect(session)
            wrong = differences_to_target(kind, live, target, part_of(name, databases), leftovers=not committed)
            proofs.append(
                Proof(
                    f"schema/{name}",
                    f"differences of {name} to the catalogue of {target}",
                    len(wrong),
                    len(live.tables),
                    tuple(str(each) for each in wrong[:10]),
                )
            )
            if session.exists(journal.COUNT.name):
                counts[name] = tuple(table_counts(session, live, dropped=committed))
                proofs += conservation(name, list(counts[name]))
        proofs += invariants(sessions["am"], target)
        proofs += configurations_parse(sessions["am"])
        proofs += registry_agrees(sessions["am"], sessions["shared"])
        parsed, remarks = definitions_parse(sessions["shared"], started)
        proofs.append(parsed)
        proofs += artifacts_open(sessions["am"])
    return Verification(tuple(proofs), counts, remarks)
