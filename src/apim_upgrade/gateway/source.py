"""Reads what artifacts are made from, many revisions at a time, in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator

from apim_upgrade.engine import Session
from apim_upgrade.gateway.model import RevisionInput


def revisions(am: Session, shared: Session, wanted: frozenset[str] | None = None) -> Iterator[RevisionInput]:
    """
    Yield every revision of AM_REVISION (all, or those whose UUID is ``wanted``), in order of API and number.

    Reads rows and registry resources by sets of 200 APIs; works on a schema of any release from 3.2.0 and on an
    expanded one. Revisions need their registry folder ``…/apis/<api uuid>/<number>`` and AM_REVISION row; URL
    mappings, certificates and the like are those with the revision's UUID.
    """
    raise NotImplementedError(am, shared, wanted)
    yield  # type: ignore[unreachable]
