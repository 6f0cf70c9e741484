"""AsyncAPI documents: the rules one by one, and agreement with the product's own verdicts."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from apim_upgrade.definitions.asyncapi import LIMIT, judge
from conftest import shared_path

INFO = {"title": "T", "version": "1"}


def document(**more: Any) -> bytes:
    return json.dumps({"asyncapi": "2.0.0", "info": INFO, "channels": {}, **more}).encode()


def schema(**more: Any) -> bytes:
    return document(components={"schemas": {"S": more}})


def test_verdicts_agree_with_those_of_the_product() -> None:
    folder = shared_path("corpus", "asyncapi")
    files = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))["files"]
    wrong = []
    for name, known in files.items():
        judgement = judge((folder / name).read_bytes(), "4.2.0")
        if ("valid" if judgement.valid else "exception") != known["outcome"]:
            wrong.append((name, judgement))
        assert judgement.aborted != judgement.valid
    assert wrong == []
    assert len(files) > 70


VALID = {
    "next to nothing": b'{"asyncapi": "2.", "info": {}}',
    "a number for a version": b'{"asyncapi": 2.0, "info": {}}',
    "blanks and control characters before it": b'\n \x01\t{"asyncapi": "2.6.0", "info": {}}',
    "anything after it": document() + b"} garbage",
    "tags of any kind": document(tags="many"),
    "other keys": document(foo=[1], **{"x-bar": None}),
    "nulls instead of objects": document(channels=None, servers=None, components=None, externalDocs=None),
    "no title": document(info={"title": {"not": "text"}}),
    "a number of any length": b'{"asyncapi": "2.0.0", "info": {}, "n": ' + b"9" * 9000 + b"}",
    "parameters of a channel that are no object": document(channels={"/a": {"parameters": ["p"]}}),
    "a payload of any kind": document(channels={"/a": {"publish": {"message": {"payload": 5, "oneOf": {}}}}}),
    "booleans for schemas where they may stand": schema(additionalProperties=False, items=True),
}


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_what_the_product_takes(text: bytes) -> None:
    judgement = judge(text, "4.2.0")
    assert (judgement.valid, judgement.aborted, judgement.messages) == (True, False, ())


INVALID = {
    "empty": (b"", "syntax", ""),
    "YAML": (b"asyncapi: 2.0.0\ninfo:\n", "syntax", ""),
    "a list": (b"[]", "syntax", ""),
    "a byte-order mark": (b"\xef\xbb\xbf" + document(), "syntax", ""),
    "half of it": (document()[:-1], "syntax", ""),
    "a comment": (b'{"asyncapi": "2.0.0", /* */ "info": {}}', "syntax", ""),
    "a NUL": (b'{"asyncapi": "2.0.0", "info": {"title": "\0"}}', "syntax", ""),
    "no number": (b'{"asyncapi": "2.0.0", "info": {"title": NaN}}', "syntax", ""),
    "a key twice": (b'{"asyncapi": "2.0.0", "info": {"a": 1, "a": 1}}', "duplicate-key", ""),
    "no version": (b'{"info": {}}', "bad-spec-version", ""),
    "half a version": (document(asyncapi="2"), "bad-spec-version", "/asyncapi"),
    "a whole number": (document(asyncapi=2), "bad-spec-version", "/asyncapi"),
    "version 1": (document(asyncapi="1.2.0"), "bad-spec-version", "/asyncapi"),
    "version 3": (document(asyncapi="3.0.0"), "bad-spec-version", "/asyncapi"),
    "no info": (b'{"asyncapi": "2.0.0"}', "null-pointer", ""),
    "info null": (document(info=None), "null-pointer", "/info"),
    "info text": (document(info="x"), "class-cast", "/info"),
    "contact text": (document(info={"contact": "x"}), "class-cast", "/info/contact"),
    "channels a list": (document(channels=[]), "class-cast", "/channels"),
    "a channel text": (document(channels={"a/~b": "x"}), "class-cast", "/channels/a~1~0b"),
    "a channel null": (document(channels={"a": None}), "null-pointer", "/channels/a"),
    "an operation a number": (document(channels={"a": {"publish": 5}}), "class-cast", "/channels/a/publish"),
    "a message text": (
        document(channels={"a": {"publish": {"message": {"oneOf": ["x"]}}}}),
        "class-cast",
        "/channels/a/publish/message/oneOf/0",
    ),
    "servers text": (document(servers="x"), "class-cast", "/servers"),
    "a server true": (document(servers={"s": True}), "class-cast", "/servers/s"),
    "security of a server": (document(servers={"s": {"security": [1]}}), "class-cast", "/servers/s/security/0"),
    "components a list": (document(components=[]), "class-cast", "/components"),
    "a tag that is text": (document(tags=["x"]), "class-cast", "/tags/0"),
    "a schema true": (schema(properties={"p": True}), "class-cast", "/components/schemas/S/properties/p"),
    "items text": (schema(items=["x"]), "class-cast", "/components/schemas/S/items/0"),
    "not true": (schema(allOf=[{"not": True}]), "class-cast", "/components/schemas/S/allOf/0/not"),
}


@pytest.mark.parametrize(("text", "code", "pointer"), INVALID.values(), ids=INVALID)
def test_what_breaks_the_product(text: bytes, code: str, pointer: str) -> None:
    judgement = judge(text, "4.2.0")
    assert (judgement.valid, judgement.aborted) == (False, True)
    assert [(message.code, message.pointer) for message in judgement.messages] == [(code, pointer)]


def test_the_newest_release_knows_version_3() -> None:
    assert judge(document(asyncapi="3.0.0"), "4.7.0").valid
    assert not judge(document(asyncapi="1.0.0"), "4.7.0").valid


def test_bytes_that_are_no_text_are_found_by_us_alone() -> None:
    judgement = judge(document().replace(b'"T"', b'"\xff"'), "4.2.0")
    assert (judgement.valid, judgement.aborted, judgement.codes) == (False, False, {"syntax"})


def test_half_characters_are_told_as_escapes() -> None:
    (message,) = judge(document(channels={"\ud800": 5}), "4.2.0").messages
    assert message.pointer == "/channels/\\ud800"
    assert message.line == 1
    (message,) = judge(b'{"\\ud800": 1, "\\ud800": 2}', "4.2.0").messages
    assert message.text.endswith('Duplicate key "\\ud800"')


def test_faults_of_the_text_name_their_line() -> None:
    (message,) = judge(b'\n\n{"asyncapi": "2.0.0",\n "info" {}}', "4.2.0").messages
    assert message.line == 4


def test_findings_name_the_line_of_what_they_are_about() -> None:
    text = b'\n{"asyncapi": "2.0.0", "info": {},\n "channels": {\n  "a": {},\n  "b": 5}} and more'
    (message,) = judge(text, "4.2.0").messages
    assert (message.pointer, message.line) == ("/channels/b", 5)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (b'{"a":' * 100_000, "too-deep"),
        (b'{"asyncapi": "2.0.0", "info": {}, "x": ' + b"[" * 100_000, "too-deep"),
        (b" " * (LIMIT + 1), "too-large"),
        (schema(allOf=[1] * 100_000), "class-cast"),
    ],
    ids=["objects", "lists", "size", "many faults"],
)
def test_hostile_documents_are_answered_soon(text: bytes, code: str) -> None:
    started = time.process_time()
    judgement = judge(text, "4.2.0")
    assert judgement.codes == {code}
    assert len(judgement.messages) <= 200
    assert time.process_time() - started < 10


def test_schemas_nested_in_each_other_are_followed_so_far() -> None:
    nested: dict[str, Any] = {}
    for _ in range(300):
        nested = {"not": nested}
    assert judge(schema(**nested), "4.2.0").valid
    for _ in range(300):
        nested = {"not": nested}
    assert judge(schema(**nested), "4.2.0").codes == {"too-deep"}
