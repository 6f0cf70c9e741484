"""What the estate's servers say of themselves, by database."""

from __future__ import annotations

from collections.abc import Mapping

from apim_upgrade.checks.subject import Subject
from apim_upgrade.databases.dbms import dbms_of
from apim_upgrade.databases.facts import ServerFacts


def servers(subject: Subject) -> Mapping[str, ServerFacts]:
    """Ask the server of every database; clocks and sessions are those of this moment."""
    subject.saw("database servers", len(subject.sessions))
    dbms = dbms_of(subject.kind)
    return {name: dbms.server(session) for name, session in subject.sessions.items()}  # type: ignore[arg-type]
