"""OAuth clients as steps of the API-M database join them: they lie among the identity tables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from sqlalchemy import Column, Integer, String, select
from sqlalchemy.sql.selectable import FromClause

from apim_upgrade.engine import Operation, Stage, Work, stage_table
from apim_upgrade.migrations.upgrade import Upgrade
from apim_upgrade.tables.identity import CONSUMER_APP


def oauth_clients(upgrade: Upgrade) -> tuple[FromClause, tuple[Operation, ...]]:
    """
    Return what to join, with ``consumer_key`` and ``tenant_id``, and the operations that have to come first.

    The table itself, or a stage of it where identity data are a database of their own.
    """
    home = upgrade.home("identity")
    if home == "am":
        return CONSUMER_APP, ()
    clients = stage_table(
        "oauth_client", Column("consumer_key", String(255)), Column("tenant_id", Integer), keys=[("consumer_key",)]
    )

    def rows(work: Work) -> Iterator[Sequence[object]]:
        for row in work.sessions[home].stream(select(CONSUMER_APP.c.consumer_key, CONSUMER_APP.c.tenant_id)):
            yield tuple(row)

    return clients, (Stage(clients, rows, "OAuth clients of the identity database"),)
