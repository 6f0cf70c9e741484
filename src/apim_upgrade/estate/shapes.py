"""Which release the shapes of databases are of that nobody connects to; by the same rules as of live ones."""

from __future__ import annotations

from collections.abc import Mapping

from apim_upgrade.errors import EstateError
from apim_upgrade.estate.detect import columns_of, detect, known_columns, resembles
from apim_upgrade.estate.read import CALLED, OTHER, decide, named_release
from apim_upgrade.releases import Release, Schema


def release_of(shapes: Mapping[str, Schema], source: str | None) -> tuple[Release, list[str]]:
    """
    Return the release of ``am`` and ``shared``, and what a person should know of them.

    ``source`` is the operator's word; it counts only where the shapes leave a doubt. Raises EstateError when they are
    no estate, not one, or in the middle of an upgrade.
    """
    detected = {}
    for name, shape in shapes.items():
        live = columns_of(shape)
        if not resembles(live, shape.kind, name):
            it_is = f"is {CALLED[OTHER[name]]}" if resembles(live, shape.kind, OTHER[name]) else "is of something else"
            raise EstateError(
                f"The schema file of {name} {it_is}, not of {CALLED[name]} of API-M.",
                hint=f"Run the query on the database that is meant, and name its answer as --schema-file {name}=FILE.",
            )
        detected[name] = detect(live & known_columns(shape.kind, name), shape.kind, name)
    return decide(detected, named_release(source))
