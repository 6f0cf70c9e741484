"""The knowledge of formats: complete, used, and of releases that exist."""

from __future__ import annotations

import itertools
import re
import tomllib
from pathlib import Path

import pytest

from apim_upgrade import gateway, releases
from apim_upgrade.gateway.format import format_of
from apim_upgrade.releases import Release

KNOWN = tomllib.loads((Path(releases.__file__).parent / "data/gateway/formats.toml").read_text("utf-8"))
CODE = "".join(path.read_text("utf-8") for path in Path(gateway.__file__).parent.glob("*.py"))
FORMATS = ("4.0.0", "4.1.0", "4.2.0", "4.3.0", "4.4.0", "4.5.0", "4.6.0", "4.7.0")


def test_every_member_and_feature_came_with_a_release_that_writes_artifacts() -> None:
    since = {release for kind in ("api", "product", "operation", "feature") for release in KNOWN[kind].values()}
    assert since <= set(FORMATS) - {"4.0.0"}


def test_features_and_the_code_that_asks_for_them_agree() -> None:
    assert set(re.findall(r'\.has\("(\w+)"\)', CODE)) == set(KNOWN["feature"])


def test_every_later_member_is_written_by_the_code() -> None:
    for kind in ("api", "product", "operation"):
        assert [name for name in KNOWN[kind] if f'"{name}"' not in CODE] == []


@pytest.mark.parametrize(("older", "newer"), list(itertools.pairwise(FORMATS)))
def test_a_newer_release_never_writes_less(older: str, newer: str) -> None:
    before, after = format_of(Release.parse(older)), format_of(Release.parse(newer))
    assert all(after.later[kind] <= before.later[kind] for kind in before.later)
    assert all(after.features[name] for name, has in before.features.items() if has)
    assert after.version == f"v{newer}"
