"""What the estate's servers say of themselves, by database."""

from __future__ import annotations

from collections.abc import Mapping

from apim_upgrade.checks.subject import Subject
from apim_upgrade.databases.server_facts import ServerFacts, server_facts


def servers(subject: Subject) -> Mapping[str, ServerFacts]:
    """Ask the server of every database; clocks and sessions are those of this moment."""
    subject.saw("database servers", len(subject.sessions))
    return {name: server_facts(session) for name, session in subject.sessions.items()}  # type: ignore[arg-type]
