"""What the package carries about classes and stock files, against the facts beside the project."""

from __future__ import annotations

import json
from typing import Any

from apim_upgrade.releases import KNOWN_RELEASES, Release
from apim_upgrade.releases.extensions import (
    exported_version,
    missing_prefixes,
    newest_class_file,
    removed_classes,
    removed_packages,
    shipped_files,
)
from conftest import shared_path


def _facts(name: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(shared_path("facts", "upgrade", name).read_text(encoding="utf-8"))
    return document


def test_classes_that_are_gone_are_those_of_the_facts() -> None:
    facts = _facts("extension-api.json")
    for known, told in ((removed_classes(), "removed_or_moved_classes"), (removed_packages(), "removed_packages")):
        wanted = {
            name.replace(".", "/"): entry["removed_in"]
            for name, entry in facts[told].items()
            if Release.parse(entry["removed_in"]) > Release(3, 2, 0)
        }
        assert {name: str(removal.since) for name, removal in known.items()} == wanted


def test_versions_of_packages_are_within_the_products_own_ranges() -> None:
    facts = _facts("extension-api.json")
    for release in KNOWN_RELEASES:
        low, high = facts["osgi_import_ranges_used_by_product"][str(release)]["org.wso2.carbon.apimgt.*"][1:-1].split(
            ","
        )
        exported = exported_version(release)
        assert tuple(map(int, low.split("."))) <= (*exported, 0) < tuple(map(int, high.split(".")))
        assert facts["carbon_apimgt_versions"][str(release)].startswith(".".join(map(str, exported)))


def test_stock_files_are_those_of_the_facts() -> None:
    facts = _facts("shipped-files.json")["files"]
    for path, digests in shipped_files().items():
        assert digests == {entry["sha256_16"] for entry in facts[path] if entry["to"] >= "3.2.0"}


def test_class_files_go_by_the_newest_java() -> None:
    assert newest_class_file(Release(3, 2, 0)) == 55
    assert newest_class_file(Release(4, 2, 0)) == 61
    assert newest_class_file(Release(4, 7, 0)) == 69
    assert missing_prefixes()["java/lang/SecurityManager"].since == Release(4, 7, 0)
