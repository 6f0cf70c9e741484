"""Verdicts on rows that a step looks at but does not compute anything from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from sqlalchemy import Column, Integer

from apim_upgrade.engine import Stage, Work, stage_table

_NOTHING = "nothing"


def findings(name: str, look: Callable[[Work], None], note: str) -> Stage:
    """
    Return an operation that only looks and leaves verdicts; its stage stays empty.

    ``look`` runs at the operation's place among the others of its step, so it sees what they have done.
    """

    def rows(work: Work) -> Iterator[Sequence[object]]:
        look(work)
        yield from ()

    return Stage(stage_table(name, Column(_NOTHING, Integer)), rows, note)


def only_looks(stage: Stage) -> bool:
    """Say whether an operation is one that :func:`findings` made."""
    return stage.table.columns.keys() == [_NOTHING]
