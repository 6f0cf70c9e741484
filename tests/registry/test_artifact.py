"""The artifact's XML: whatever real servers wrote is read, and only what is asked for changes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apim_upgrade.registry import Artifact, BrokenArtifact, artifacts
from conftest import Pair

HEAD = b'<metadata xmlns="http://www.wso2.org/governance/metadata">'
TWO = HEAD + (
    b"<overview><name>Bundle</name><status></status></overview><own>\xc3\xbc</own>"
    b"<overview><name></name><status>PUBLISHED</status></overview></metadata>"
)


@pytest.mark.parametrize("release", ["3.2.0", "4.0.0", "4.2.0", "4.5.0"])
def test_real_artifacts_are_written_back_as_they_were(release: str, real_estate: Callable[[str], Pair]) -> None:
    with real_estate(release).shared.read() as session:
        contents = [bytes(row.content) for row in session.stream(artifacts())]
    assert len(contents) > 20
    for content in contents:
        written = Artifact.parse(content).to_bytes().replace(b"&gt;", b">")  # the product leaves this one unescaped
        assert written == content.replace(b"&gt;", b">")


def test_of_two_overviews_the_first_value_that_is_not_empty_counts() -> None:
    artifact = Artifact.parse(TWO)
    assert (artifact.get("name"), artifact.get("status"), artifact.get("none")) == ("Bundle", "PUBLISHED", "")


def test_a_value_is_written_into_the_first_overview() -> None:
    artifact = Artifact.parse(TWO)
    assert artifact.set("status", "RETIRED")
    assert artifact.to_bytes() == TWO.replace(b"<status></status>", b"<status>RETIRED</status>")


def test_setting_what_is_there_changes_nothing() -> None:
    artifact = Artifact.parse(TWO)
    assert not artifact.set("status", "PUBLISHED")
    assert artifact.to_bytes() == TWO


def test_a_field_that_is_absent_is_made_in_the_namespace() -> None:
    artifact = Artifact.parse(HEAD + b"</metadata>")
    assert artifact.set("labelName", "edge & co", table="labels")
    assert artifact.to_bytes() == HEAD + b"<labels><labelName>edge &amp; co</labelName></labels></metadata>"
    assert Artifact.parse(artifact.to_bytes()).values("labelName", "labels") == ["edge & co"]


def test_an_empty_field_is_there_and_an_absent_one_is_not() -> None:
    artifact = Artifact.parse(TWO)
    assert artifact.has("status")
    assert not artifact.has("environments")
    assert artifact.set("environments", "")
    assert artifact.has("environments")
    assert not artifact.set("environments", "")


def test_tables_are_found_whatever_their_case() -> None:
    artifact = Artifact.parse(b"<metadata><uriTemplate><httpVerb0>GET</httpVerb0></uriTemplate></metadata>")
    assert artifact.get("httpVerb0", "URITemplate") == "GET"
    artifact.set("httpVerb1", "PUT", "URITemplate")
    assert b"<httpVerb1>PUT</httpVerb1></uriTemplate>" in artifact.to_bytes()


def test_comments_and_instructions_are_kept() -> None:
    content = HEAD + b"<!-- by hand --><overview><!-- x --><?y z?><name>N</name></overview></metadata>"
    artifact = Artifact.parse(content)
    assert artifact.get("name") == "N"
    assert artifact.to_bytes() == content


@pytest.mark.parametrize("content", [None, b"", b"<metadata>", b"<other/>", b"\xff\xfe\x00"])
def test_what_is_no_artifact_is_refused_with_a_reason(content: bytes | None) -> None:
    with pytest.raises(BrokenArtifact, match="it"):
        Artifact.parse(content)


def test_entities_of_a_hostile_artifact_are_not_resolved(tmp_path: object) -> None:
    content = (
        b'<!DOCTYPE m [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
        b"<metadata><overview><name>&x;</name></overview></metadata>"
    )
    assert Artifact.parse(content).get("name") == ""
