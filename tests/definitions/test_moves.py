"""Operations that a repair would move are told, so that rows about operations never lose them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from apim_upgrade.definitions.moves import moved_operations
from apim_upgrade.definitions.repairs import Repair, repair

OK = {"responses": {"200": {"description": "OK"}}}


def repaired(text: str, release: str = "4.7.0") -> Repair:
    found = repair(text.encode(), release)
    assert found is not None
    assert found.complete
    return found


def with_paths(paths: dict[str, Any]) -> str:
    return json.dumps({"openapi": "3.0.1", "info": {"title": "t", "version": "1"}, "paths": paths})


@pytest.mark.parametrize(
    ("paths", "moved"),
    [
        ({"pets": {"get": OK}}, ("GET /pets", "GET pets")),
        ({"/pets": {"get": OK, "post": OK}, "/pets/": {"get": OK}}, ("GET /pets/",)),
        ({"/pets": {"GET": OK}}, ("GET /pets",)),
        ({"/pets": {"get": None, "post": OK}}, ("GET /pets",)),
        ({"/pets": {"get": {"operationId": "a", **OK}}, "/cats": {"get": {"operationId": "a", **OK}}}, ()),
        ({"/pets/{id}": {"get": OK}}, ()),
    ],
    ids=["path without a slash", "twin of a path", "capitals", "null", "operationIds", "path parameters"],
)
def test_every_operation_that_a_repair_moves_is_told(paths: dict[str, Any], moved: tuple[str, ...]) -> None:
    assert moved_operations(repaired(with_paths(paths))) == moved


def test_a_text_that_was_no_json_keeps_the_operations_it_was_meant_to_hold() -> None:
    text = with_paths({"/pets": {"get": OK}})
    assert moved_operations(repaired(f"{text[:-1]},}}")) == ()
