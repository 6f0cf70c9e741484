"""Makes the artifact of one revision."""

from __future__ import annotations

from apim_upgrade.gateway.model import RevisionInput
from apim_upgrade.releases import Release


def build(revision: RevisionInput, release: Release) -> bytes:
    """
    Return the artifact of a revision, a zip, as a server of ``release`` writes it.

    Raises Unbuildable, with reason and action, when the stored API is too broken. The same input gives the same bytes.
    """
    raise NotImplementedError(revision.item, release)
