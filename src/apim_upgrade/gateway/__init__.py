"""
The gateway artifact: the zip from which a gateway deploys one revision.

``revisions`` reads what artifacts are made from, many at a time; ``build`` makes one, and is pure, so that a process
pool can run it::

    for revision in gateway.revisions(am, shared, wanted):
        try:
            zipped = gateway.build(revision, target)
        except gateway.Unbuildable as problem:
            work.failed(revision.item, problem.reason, problem.action)
"""

from apim_upgrade.gateway.artifact import build
from apim_upgrade.gateway.model import RevisionInput, Unbuildable
from apim_upgrade.gateway.source import revisions

__all__ = ["RevisionInput", "Unbuildable", "build", "revisions"]
