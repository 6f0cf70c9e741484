"""What the sample generator spoils on purpose is found, each blemish by a rule made for it."""

from __future__ import annotations

import pytest

from apim_upgrade.releases import sources
from apim_upgrade.samples.blemishes import Blemish, blemishes
from checks.planting import Field

FOUND_BY = {
    "operations without a throttling tier": "API010",
    "operations without an authentication scheme": "API011",
    "key managers by name and by UUID": "APP001",
    "APIs without a type": "API003",
    "subscriptions across tenants": "APP032",
    "keys of clients that are gone": "APP003",
    "empty texts where others have NULL": "APP008",
    "default versions of APIs that are gone": "API008",
    "revisions of APIs that are gone": "DB002",
    "scopes of one name twice, and equal bindings": "DB001",
    "objects of an updated pack, and a table of the customer's own": "DB021",
    "wider columns and early indexes of an updated pack": "DB023",
    "paths in the log that died with their folder": "REG015",
    "living files whose newest line in the log is a copy": "REG015",
    "an API that the log forgot": "REG015",
    "folders that are gone but for their path": "REG016",
    "WSDL links to another version's file": "API021",
    "rights without roles, and of APIs that are gone": "IDN024",
    "a definition that was cut off": "DEF001",
}
FIRST = {blemish.name: (str(release), blemish) for release in reversed(sources()) for blemish in blemishes(release)}
"""Every blemish, and the oldest release that an estate with it can be of."""


def test_every_blemish_has_its_rule() -> None:
    assert FIRST.keys() == FOUND_BY.keys()


@pytest.mark.parametrize("name", sorted(FIRST))
def test_a_blemish_is_found(field: Field, name: str) -> None:
    source, blemish = FIRST[name]
    code = FOUND_BY[name]
    before = _said(field, code, source)
    assert _said(field, code, source, blemish) - before


def _said(field: Field, code: str, source: str, blemish: Blemish | None = None) -> set[str]:
    planted = {blemish.part: list(blemish.statements)} if blemish else {}
    return {f"{each.item} {each.message}" for each in field.found(code, source=source, **planted)}
