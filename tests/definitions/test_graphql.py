"""GraphQL schemas: the rules one by one, and agreement with the product's own verdicts."""

from __future__ import annotations

import json
import time

import pytest

from apim_upgrade.definitions import Judgement
from apim_upgrade.definitions.graphql import LIMIT, judge
from conftest import shared_path

QUERY = "type Query { a: Int }\n"


def outcome(judgement: Judgement) -> str:
    if judgement.valid:
        return "valid"
    return "exception" if judgement.aborted else "invalid"


def test_verdicts_agree_with_those_of_the_product() -> None:
    folder = shared_path("corpus", "graphql")
    files = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))["files"]
    wrong = {
        name: (outcome(judgement), known["outcome"])
        for name, known in files.items()
        if outcome(judgement := judge((folder / name).read_bytes(), "4.2.0")) != known["outcome"]
    }
    assert wrong == {}
    assert len(files) > 50


VALID = {
    "names of types may be reserved ones": QUERY + "type __T { a: Int }",
    "reserved types may even be empty": QUERY + "type __T",
    "input types may need each other": QUERY + "input A { b: B! } input B { a: A! }",
    "custom scalars": 'scalar Date @specifiedBy(url: "https://x.org") type Query { a(d: Date = 5): Date }',
    "the language's scalars may be declared again": "scalar String " + QUERY,
    "deprecation everywhere": (
        'type Query { a(x: Int @deprecated): Int @deprecated(reason: "b") } '
        "enum E { A @deprecated } input I { f: Int @deprecated }"
    ),
    "a repeatable directive twice": "directive @t(n: Int) repeatable on ENUM_VALUE "
    + QUERY
    + "enum E { A @t @t(n: 2) }",
    "interfaces that implement interfaces": (
        "interface A { a: Int } interface B implements A { a: Int } type Query implements A & B { a: Int }"
    ),
    "a byte-order mark": "\ufeff" + QUERY,
    "a second query type": QUERY + "type query { b: Int }",
    "other roots": "schema { query: Q mutation: M } type Q { a: Int } type M { b: Int }",
    "a root in an extension of the schema": QUERY + "extend schema { mutation: M } type M { b: Int }",
    "extensions of every kind": (
        QUERY
        + "extend type Query { b: E } enum E { A } extend enum E { B } input I { a: Int } extend input I { b: Int }"
        "interface F { a: Int } extend interface F { b: Int } type T implements F { a: Int b: Int }"
        "union U = T extend union U = Query scalar S directive @d on SCALAR extend scalar S @d extend scalar ID @d"
    ),
    "fields of interfaces from extensions": QUERY
    + "interface F { b: Int } type T implements F extend type T { b: Int }",
    "narrower types of fields": (
        "interface F { a: [F] u: U } union U = T | Query type T implements F { a: [T!]! u: T } "
        "type Query implements F { a(more: Int): [Query] u: Query }"
    ),
    "values of every kind": (
        "enum E { A B } input I { e: [E!] = [A, B] f: Float = 1 i: ID = 7 s: String = null r: Int! o: I } "
        'type Query { a(x: I = {r: 1, o: {r: 2, e: B}}, l: [[Int]] = 5, b: Boolean = true, s: String = """t"""): Int }'
    ),
    "directives with arguments": (
        "enum E { A } input I { n: Int! } "
        "directive @d(e: E, l: [I!] = [{n: 1}], i: I) on OBJECT | SCHEMA | ARGUMENT_DEFINITION "
        "schema @d { query: Query } type Query @d(e: A, l: [{n: 2}], i: {n: 3}) { a(x: Int @d): Int }"
    ),
}


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_what_the_product_takes(text: str) -> None:
    judgement = judge(text.encode(), "4.2.0")
    assert judgement == Judgement(judgement.kind, True)


INVALID = {
    "type Query {": "syntax",
    "# nothing": "syntax",
    "type Query { a: Int } \0": "syntax",
    QUERY + "interface A { a: Int } interface B { a: Int } type C implements A, B { a: Int }": "syntax",
    QUERY + "query { a }": "not-sdl",
    QUERY + "fragment F on Query { a }": "not-sdl",
    QUERY + QUERY: "redefined",
    QUERY + "scalar S scalar S": "redefined",
    QUERY + "directive @d on FIELD directive @d on FIELD": "redefined",
    "schema { query: Query } schema { query: Query }" + QUERY: "redefined",
    "schema { query: Query } extend schema { query: Query }" + QUERY: "redefined",
    "type Query { a: B }": "unknown-type",
    "type Query { a(b: B): Int }": "unknown-type",
    QUERY + "input I { b: B }": "unknown-type",
    QUERY + "type T implements B { a: Int }": "unknown-type",
    QUERY + "extend type Query implements Query { b: Int }": "unknown-type",
    QUERY + "directive @d(a: B) on FIELD": "unknown-type",
    QUERY + "schema { query: Query mutation: M }": "unknown-type",
    QUERY + "interface I { a: Int } schema { query: I }": "bad-root",
    "type query { a: Int }": "no-query",
    QUERY + "union U": "bad-union",
    QUERY + "union U = Query | Query": "bad-union",
    QUERY + "union U = Query extend union U = Query": "bad-union",
    QUERY + "union U = Int": "bad-union",
    QUERY + "union __U = Query": "reserved-name",
    QUERY + "extend type T { a: Int }": "extension-without-base",
    QUERY + "enum E { A } extend type E { a: Int }": "extension-without-base",
    QUERY + "extend type Query { a: Int }": "redefined",
    QUERY + "enum E { A } extend enum E { B } extend enum E { B }": "redefined",
    "directive @d on OBJECT type Query @d { a: Int } extend type Query @d": "redefined",
    "type Query { a: Int a: Int }": "duplicate-name",
    "type Query { a(b: Int, b: Int): Int }": "duplicate-name",
    QUERY + "enum E { A A }": "duplicate-name",
    QUERY + "input I { a: Int a: Int }": "duplicate-name",
    QUERY + "directive @d(a: Int, a: Int) on FIELD": "duplicate-name",
    'type Query { a: Int @deprecated(reason: "a", reason: "b") }': "duplicate-name",
    QUERY + "interface F { b: Int } extend type Query implements F": "interface-not-implemented",
    QUERY + "interface F { b: Int } type T implements F { b: String }": "interface-not-implemented",
    QUERY + "interface F { b: Int! } type T implements F { b: Int }": "interface-not-implemented",
    QUERY + "interface F { b: [Int] } type T implements F { b: Int }": "interface-not-implemented",
    QUERY + "interface F { b(a: Int): Int } type T implements F { b: Int }": "interface-not-implemented",
    QUERY + "interface F { b(a: Int): Int } type T implements F { b(a: Int!): Int }": "interface-not-implemented",
    QUERY
    + "interface F { b(a: Int = 1): Int } type T implements F { b(a: Int = 2): Int }": "interface-not-implemented",
    QUERY + "interface F { b: Int } type T implements F { b(a: Int!): Int }": "interface-not-implemented",
    QUERY + "interface F implements F { b: Int }": "bad-interface",
    QUERY + "interface F implements G { b: Int } interface G implements F { b: Int }": "bad-interface",
    QUERY
    + "interface F { b: Int } interface G implements F { b: Int } type T implements G { b: Int }": "bad-interface",
    QUERY + "interface F { b: Int } type T implements F & F { b: Int }": "bad-interface",
    "type Query @d { a: Int }": "directive-undeclared",
    "extend schema @link " + QUERY: "directive-undeclared",
    "type Query { a: Int @skip(if: true) }": "directive-undeclared",
    "type Query @deprecated { a: Int }": "directive-misplaced",
    'type Query { a: Int @deprecated(why: "b") }': "directive-argument",
    "type Query { a: Int @deprecated(reason: 5) }": "directive-argument",
    QUERY + "scalar S directive @d(s: S) on SCALAR scalar T @d(s: [1])": "directive-argument",
    QUERY + "scalar T @specifiedBy": "directive-argument",
    QUERY + "directive @d(q: Query) on SCALAR": "wrong-kind",
    QUERY + "directive @d(a: Int @d) on ARGUMENT_DEFINITION": "bad-directive",
    QUERY + "directive @__d(__a: Int) on SCALAR": "reserved-name",
}


@pytest.mark.parametrize(("text", "code"), INVALID.items())
def test_what_the_product_refuses(text: str, code: str) -> None:
    judgement = judge(text.encode(), "4.4.0")
    assert (outcome(judgement), judgement.codes) == ("invalid", {code})


BREAKING = {
    "input Query { a: Int }": "wrong-kind",
    "interface Query { a: Int }": "wrong-kind",
    QUERY + "input I { a: Query }": "wrong-kind",
    "type Query { a(q: Query): Int }": "wrong-kind",
    "type Query { a: I } input I { a: Int }": "wrong-kind",
    QUERY + "type T": "empty-type",
    QUERY + "type T {}": "empty-type",
    QUERY + "input I {}": "empty-type",
    QUERY + "enum E {}": "empty-type",
    "type Query { __a: Int }": "reserved-name",
    "type Query { a(__b: Int): Int }": "reserved-name",
    QUERY + "enum E { __A }": "reserved-name",
    QUERY + "input I { __a: Int }": "reserved-name",
    "type Query { a(b: Int = 2147483648): Int }": "bad-default",
    "type Query { a(b: Int = 1.5): Int }": "bad-default",
    "type Query { a(b: String = A): Int }": "bad-default",
    "type Query { a(b: Int! = null): Int }": "bad-default",
    QUERY + "enum E { A } input I { e: E = B }": "bad-default",
    QUERY + "input J { n: Int! } input I { j: J = {} }": "bad-default",
    QUERY + "input J { n: Int } input I { j: J = {m: 1} }": "bad-default",
    QUERY + "input J { n: Int } input I { j: [J] = [{n: 1, n: 2}] }": "bad-default",
    QUERY + "directive @d(a: Int = A) on SCALAR": "bad-default",
    "directive @d on OBJECT type Query @d @d { a: Int }": "repeated-directive",
    "type Query { a(b: Int @deprecated @deprecated): Int }": "repeated-directive",
    QUERY + "enum E { A @deprecated @deprecated }": "repeated-directive",
    QUERY + "input I { a: Int @deprecated @deprecated }": "repeated-directive",
}


@pytest.mark.parametrize(("text", "code"), BREAKING.items())
def test_what_breaks_the_product(text: str, code: str) -> None:
    judgement = judge(text.encode(), "4.4.0")
    assert (outcome(judgement), judgement.codes) == ("exception", {code})


def test_old_releases_do_not_look_at_defaults_and_repetitions() -> None:
    for text in ("type Query { a(b: Int = 1.5): Int }", "type Query { a: Int @deprecated @deprecated }"):
        assert [judge(text.encode(), release).valid for release in ("4.0.0", "4.1.0", "4.2.0")] == [True, True, False]


def test_findings_name_their_line_and_the_text_of_the_product() -> None:
    judgement = judge(b"type Query {\n  a: Int\n  b: Missing\n}\n", "4.2.0")
    (message,) = judgement.messages
    assert message.line == 3
    assert message.text == "The field type 'Missing' is not present when resolving type 'Query' [@1:1]"


def test_nothing_to_read() -> None:
    assert judge(b"", "4.2.0").codes == {"empty"}
    assert judge(b"\xff\xfe{", "4.2.0").codes == {"syntax"}
    assert judge(b" " * (LIMIT + 1), "4.2.0").codes == {"too-large"}


@pytest.mark.parametrize(
    "text",
    [
        "type Query { a: " + "[" * 50_000,
        "type Query { a(b: Int = " + "[" * 50_000,
        "type Query { a(b: Int = " + "{a:" * 50_000,
        "{a" * 50_000,
        "type Query { a: " + "[" * 150 + "Int" + "]" * 150 + " }",
        QUERY + "".join(f"union U{number} = U{number + 1} " for number in range(5000)),
        QUERY + "".join(f"type T{number} implements I {{ a: Int }} " for number in range(5000))
        + "interface I {" + "".join(f"f{number}: Int " for number in range(5000)) + "}",
        "input I { " + "".join(f"f{number}: I " for number in range(20_000)) + "} type Query { a(x: [I] = ["
        + "{}" * 20_000 + "]): Int }",
    ],
    ids=["lists", "values", "objects", "selections", "deep but sound", "unions", "interfaces", "many fields"],
)  # fmt: skip
def test_hostile_schemas_are_answered_soon(text: str) -> None:
    started = time.process_time()
    judge(text.encode(), "4.2.0")
    assert time.process_time() - started < 10
