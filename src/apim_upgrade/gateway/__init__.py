"""
The gateway artifact: the zip from which a gateway deploys one revision.

``revisions`` reads what artifacts are made from, many at a time; ``build`` makes one, and is pure, so that a process
pool can run it::

    for revision in gateway.revisions(am, shared, wanted):
        try:
            zipped = gateway.build(revision, target)
        except gateway.Unbuildable as problem:
            work.failed(revision.item, problem.reason, problem.action)

``caution`` tells of a revision whose artifact is made but needs a person's eye.
"""

from apim_upgrade.gateway.artifact import build
from apim_upgrade.gateway.cautions import Caution, caution
from apim_upgrade.gateway.model import RevisionInput, Unbuildable
from apim_upgrade.gateway.source import revisions

__all__ = ["Caution", "RevisionInput", "Unbuildable", "build", "caution", "revisions"]
