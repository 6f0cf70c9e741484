"""What the package carries about keys of deployment.toml, against the facts beside the project."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

from apim_upgrade.releases import KNOWN_RELEASES, Release
from apim_upgrade.releases.configuration import default_changes, key_changes, value_changes
from conftest import shared_path


def _facts(release: Release) -> dict[str, Any]:
    before = next(old for old, new in pairwise(KNOWN_RELEASES) if new == release)
    text = shared_path("facts", "config", "changes", f"{before}-{release}.json").read_text(encoding="utf-8")
    document: dict[str, Any] = json.loads(text)
    return document


def test_keys_that_go_are_those_of_the_facts() -> None:
    for change in key_changes():
        facts = _facts(change.since)
        told = {entry["from"] for entry in facts["renamed"]} if change.to else {e["key"] for e in facts["removed"]}
        assert any(key == change.key or key.startswith((f"{change.key}.", f"{change.key}[")) for key in told), change


def test_defaults_that_change_are_those_of_the_facts() -> None:
    for change in default_changes():
        told = {entry["key"]: entry for entry in _facts(change.since)["default_changed"]}
        old = told[change.key]["old"]
        assert old is None or json.dumps(old).lower() == change.keep.lower(), change


def test_values_that_are_not_known_any_more_are_of_known_keys() -> None:
    known = json.loads(shared_path("facts", "config", "keys", "4.2.0.json").read_text(encoding="utf-8"))["keys"]
    assert {change.key for change in value_changes()} <= set(known)
