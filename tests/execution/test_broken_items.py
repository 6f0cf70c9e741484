"""One broken API: it alone fails, everything else is done; mended, it alone is taken again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conftest import Pair
from execution.site import Site, change, scalar

_OF_ONE_API = (
    "reg_content_id = (SELECT max(r.reg_content_id) FROM reg_resource r JOIN reg_path p USING (reg_path_id) "
    "WHERE r.reg_name = 'api' AND p.reg_path_value LIKE '/\\_system/governance/apimgt/applicationdata/provider/%')"
)


@pytest.mark.parametrize(
    ("source", "target", "spoilt"),
    [
        ("3.2.0", "4.7.0", "'\\x00ff'::bytea"),
        ("3.2.0", "4.2.0", "NULL"),
        ("4.0.0", "4.7.0", "'<metadata'::bytea"),
    ],
)
def test_a_broken_artifact_fails_alone_and_is_mended_alone(
    site: Callable[..., Site], sample_estate: Callable[..., Pair], source: str, target: str, spoilt: str
) -> None:
    pair = sample_estate(source, apis=6, tenants=1)
    whole = site(pair, target)
    untouched = whole("run", "--format", "json")
    earlier = {(item["step"], item["item"]) for item in untouched.document["items"]}

    pair = sample_estate(source, apis=6, tenants=1)
    good = scalar(pair.shared, f"SELECT encode(reg_content_data, 'hex') FROM reg_content WHERE {_OF_ONE_API}")
    change(pair.shared, f"UPDATE reg_content SET reg_content_data = {spoilt} WHERE {_OF_ONE_API}")
    here = site(pair, target)
    first = here("run", "--format", "json")
    assert first.code == 1
    failed = [item for item in first.document["items"] if (item["step"], item["item"]) not in earlier]
    assert failed
    assert all(item["reason"] and item["action"] for item in failed)
    assert first.document["state"] in ("done with failed items", "not proven")
    assert here("status", "--format", "json").document["failed_items"] == first.document["totals"]["failed"]
    assert "failed" in here("commit", "--yes").problem[0] or first.document["state"] == "not proven"

    again = here("run", "--retry-failed", "--format", "json")
    assert again.code == 1
    assert again.document["items"] == first.document["items"]

    mended = f"UPDATE reg_content SET reg_content_data = '\\x{good}'::bytea WHERE {_OF_ONE_API}"
    change(here.upgraded.shared, mended)
    last = here("run", "--retry-failed", "--format", "json")
    assert last.document["items"] == untouched.document["items"]
    assert [proof for proof in last.document["proofs"] if not proof["holds"]] == []
    assert last.code == untouched.code
    # What was said of the others before is still said; what was said while the API was missing may stand beside it.
    assert last.document["totals"]["noted"] >= untouched.document["totals"]["noted"]
    assert here("run", "--retry-failed", "--format", "json").document["items"] == untouched.document["items"]
