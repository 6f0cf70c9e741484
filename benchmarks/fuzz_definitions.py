"""
Tries to break the judges of API definitions: no text may make them raise, hang, or answer without a judgement.

    python benchmarks/fuzz_definitions.py [--seconds 60] [--jobs 2] [--seed 1] [--save DIR] [FOLDER...]

Definitions of the folders (without any: small ones of every kind) are damaged byte by byte, token by token and node by
node, and judged for every release, kind and mode. What raises or takes longer than ``--slow`` seconds is saved, and so
is the text that was being judged when a process died. The exit code says whether there was any.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import yaml

from apim_upgrade.definitions import SUPPORTED, Judgement, Kind, Message, judge

LARGEST_SEED = 60_000
"""Bytes of a definition to begin with; small ones are tried more often in the same time."""

_ENDINGS = {".json", ".yaml", ".yml", ".graphql", ".wsdl", ".zip"}

_OPERATION = {
    "parameters": [{"name": "id", "in": "path", "required": True}],
    "responses": {"200": {"description": "d"}},
}
SEEDS: tuple[bytes, ...] = (
    json.dumps(
        {
            "openapi": "3.0.1",
            "info": {"title": "T", "version": "1", "license": {"name": "L"}},
            "servers": [{"url": "https://{h}/", "variables": {"h": {"default": "x"}}}],
            "paths": {"/a/{id}": {"get": {**_OPERATION, "security": [{"default": ["s"]}]}}, "/a/{id}/": {}},
            "components": {
                "schemas": {
                    "A": {"type": "object", "properties": {"b": {"$ref": "#/components/schemas/B"}}},
                    "B": {"allOf": [{"$ref": "#/components/schemas/A"}, {"type": "array", "items": {}}]},
                },
                "securitySchemes": {
                    "default": {"type": "oauth2", "flows": {"implicit": {"authorizationUrl": "x", "scopes": {"s": ""}}}}
                },
            },
        }
    ).encode(),
    b"openapi: 3.1.0\ninfo: {title: T, version: '1'}\npaths: {}\nwebhooks: {w: &w {get: {}}}\n"
    b"components:\n  schemas:\n    A: {type: [string, 'null'], const: 1}\n  pathItems: {p: *w}\n",
    json.dumps(
        {
            "swagger": "2.0",
            "info": {"title": "T", "version": "1"},
            "paths": {"/a/{id}": {"get": _OPERATION, "parameters": [{"$ref": "#/parameters/p"}]}},
            "definitions": {"A": {"type": "object", "properties": {"a": {"type": "array", "items": {}}}}},
            "parameters": {"p": {"name": "p", "in": "body", "schema": {"$ref": "#/definitions/A"}}},
            "x-wso2-security": {"apim": {"x-wso2-scopes": [{"key": "s"}]}},
        }
    ).encode(),
    json.dumps(
        {
            "asyncapi": "2.0.0",
            "info": {"title": "T"},
            "channels": {"/a": {"publish": {"message": {"payload": {}, "traits": [{}]}}, "parameters": {"p": {}}}},
            "components": {"schemas": {"A": {"items": [{}], "not": {}, "properties": {"b": {}}}}},
            "servers": {"s": {"url": "ws://x", "protocol": "ws", "security": [{"a": []}]}},
        }
    ).encode(),
    b"schema @d { query: Q } directive @d(a: [I!] = [{n: 1}]) repeatable on SCHEMA | OBJECT input I { n: Int! = 5 }\n"
    b"interface F { a(x: Int = 1): [F!]! } type Q implements F @d { a(x: Int = 1, e: E = A): [Q!]! } enum E { A B }\n"
    b'union U = Q scalar S extend type Q { b: S @deprecated(reason: """r""") }\n',
    b'<?xml version="1.0"?><!DOCTYPE d [<!ENTITY e "x">]><d:definitions xmlns:d="http://schemas.xmlsoap.org/wsdl/"'
    b' xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" targetNamespace="urn:t" xmlns:t="urn:t"><d:types>'
    b'<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema"><x:import schemaLocation="a.xsd"/></x:schema></d:types>'
    b'<d:message name="m"><d:part name="p" type="t:x"/></d:message><d:binding name="b" type="t:p"><d:operation>'
    b'<d:input><s:header message="t:m">&e;</s:header></d:input></d:operation></d:binding></d:definitions>',
)

_TOKENS: tuple[bytes, ...] = (
    b"{", b"}", b"[", b"]", b"(", b")", b"<", b">", b"</", b"/>", b"&", b"*", b"!", b"|", b"@", b":", b",", b"#", b"//",
    b"\n", b"\r", b"\t", b"\0", b"\xff", b"\xef\xbb\xbf", b"\xe2\x80\xa8", b"\xed\xa0\x80", b'"', b"'", b"\\", b'"""',
    b"\\u0000", b"\\ud800", b"null", b"true", b"NaN", b"1e999", b"-0", b"0x10", b"0o7", b"1:30:00", b"9" * 5000, b"~",
    b"<<: ", b"&a ", b"*a", b"!!binary ", b"!!python/object:x ", b"- ", b"? ", b"--- ", b"... ", b"%YAML 1.1\n",
    b"$ref", b"#/components/schemas/A", b"#/", b"../a.yaml", b"http://x/", b"openapi", b"swagger", b"asyncapi",
    b"3.0.1", b"3.1.0", b"2.0", b"type ", b"extend ", b"query", b"<!DOCTYPE x>", b"<!ENTITY e '&e;'>", b"&e;",
    b"<![CDATA[", b"]]>", b"<?x?>", b"<!--", b"-->", b"xmlns=''", b"PK\x03\x04", b"{{", b"{id}", b"x-",
)  # fmt: skip
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1.5, 2**70, "", " ", "a", "\0", "\ud800", "/", "#", "#/", "$ref", [], {}, [[]], [{}],
    [None], {"": None}, {"$ref": "#/components/schemas/A"}, {"$ref": "#"}, {"$ref": 5}, {"$ref": "#/paths/~1a/get"},
    {"x-a": {}}, {"type": "array"}, {"type": ["null"]}, "2020-01-01", "http://[", "3.1.0", "2.0",
)  # fmt: skip


def mutated(text: bytes, random: Random, others: Sequence[bytes] = SEEDS) -> bytes:
    """Damage a definition in one to six places; now and then as a tree, if it is one."""
    if random.random() < 0.5:
        text = _mutated_tree(text, random)
    for _ in range(random.choice((0, 1, 1, 1, 2, 3, 6))):
        text = random.choice(_DAMAGES)(text, random, others)
    return text


def _cut(text: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    begin, end = _span(text, random)
    return text[:begin] + text[end:]


def _insert(text: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    at, _ = _span(text, random)
    return text[:at] + random.choice(_TOKENS) + text[at:]


def _repeat(text: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    begin, end = _span(text, random)
    return text[:end] + text[begin:end] * random.choice((1, 1, 2, 300)) + text[end:]


def _overwrite(text: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    at, _ = _span(text, random)
    return text[:at] + bytes([random.randrange(256)]) + text[at + 1 :]


def _move(text: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    begin, end = _span(text, random)
    rest = text[:begin] + text[end:]
    at, _ = _span(rest, random)
    return rest[:at] + text[begin:end] + rest[at:]


def _graft(text: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    other = random.choice(others)
    begin, end = _span(other, random)
    at, _ = _span(text, random)
    return text[:at] + other[begin:end] + text[at:]


def _exchange(text: bytes, random: Random, others: Sequence[bytes]) -> bytes:
    return text.replace(random.choice(_TOKENS), random.choice(_TOKENS), random.randrange(1, 5))


_DAMAGES: tuple[Callable[[bytes, Random, Sequence[bytes]], bytes], ...] = (
    _cut, _insert, _insert, _repeat, _overwrite, _move, _graft, _exchange,
)  # fmt: skip


def _span(text: bytes, random: Random) -> tuple[int, int]:
    begin = random.randrange(len(text) + 1)
    return begin, min(len(text), begin + random.choice((1, 2, 8, 40, 300)))


def _mutated_tree(text: bytes, random: Random) -> bytes:
    try:
        tree = json.loads(text) if text.lstrip()[:1] == b"{" else yaml.load(text, yaml.CSafeLoader)
    except (ValueError, yaml.YAMLError, RecursionError):
        return text
    holders: list[Any] = []
    waiting = [tree]
    while waiting and len(holders) < 50_000:
        node = waiting.pop()
        if isinstance(node, (dict, list)):
            if node:
                holders.append(node)
            waiting.extend(node.values() if isinstance(node, dict) else node)
    for _ in range(random.choice((1, 1, 2, 4)) if holders else 0):
        _damage_node(random.choice(holders), holders, random)
    try:
        return json.dumps(tree).encode() if random.random() < 0.7 else yaml.dump(tree, Dumper=yaml.CSafeDumper).encode()
    except (ValueError, yaml.YAMLError, RecursionError, TypeError, UnicodeEncodeError):
        return text


def _damage_node(node: Any, holders: Sequence[Any], random: Random) -> None:
    if not node:
        return
    key = random.choice(list(node)) if isinstance(node, dict) else random.randrange(len(node))
    deed = random.randrange(5)
    if deed == 0:
        del node[key]
    elif deed == 1:
        node[key] = random.choice(holders)
    elif deed == 2 and isinstance(node, dict):
        node[random.choice(("$ref", "x-a", "type", "in", "", "paths", "schema", "required"))] = node.pop(key)
    else:
        node[key] = random.choice(_VALUES)


def wrong_with(judgement: object) -> str:
    """What is no judgement in an answer, nothing where all is well."""
    if not isinstance(judgement, Judgement) or not isinstance(judgement.kind, Kind):
        return f"no judgement: {judgement!r}"
    if not judgement.valid and not judgement.messages:
        return "invalid without a message"
    for message in judgement.messages:
        sound = isinstance(message, Message) and message.code and message.text and isinstance(message.pointer, str)
        if (
            not sound
            or (message.pointer and message.pointer[0] != "/")
            or (message.line is not None and message.line < 1)
        ):
            return f"no message: {message!r}"
    return ""


@dataclass
class Tried:
    """What came of the tries of one process."""

    number: int = 0
    valid: int = 0
    slowest: float = 0.0
    broken: list[str] = field(default_factory=list)


def read_seeds(folders: Sequence[Path]) -> list[bytes]:
    """The definitions of folders that are small enough."""
    return [
        file.read_bytes()
        for folder in folders
        for file in sorted(folder.rglob("*"))
        if file.suffix in _ENDINGS and file.name != "verdicts.json" and file.stat().st_size <= LARGEST_SEED
    ]


def fuzz(seed: int, arguments: argparse.Namespace) -> Tried:
    """Damage and judge for as long as was asked for."""
    random = Random(seed)
    seeds = read_seeds(arguments.folders) or SEEDS
    tried = Tried()
    current = arguments.save / f"current-{seed}"
    until = time.monotonic() + arguments.seconds
    while time.monotonic() < until:
        text = mutated(random.choice(seeds), random, seeds)
        current.write_bytes(text)
        kind = random.choice((None, None, *Kind))
        release, relaxed = random.choice(SUPPORTED), random.random() < 0.3
        started = time.perf_counter()
        try:
            judgement = judge(text, release, kind=kind, relaxed=relaxed)
            wrong = wrong_with(judgement)
            tried.valid += judgement.valid
        except BaseException:
            wrong = traceback.format_exc()
        taken = time.perf_counter() - started
        tried.number += 1
        tried.slowest = max(tried.slowest, taken)
        if taken > arguments.slow:
            wrong = wrong or f"took {taken:.1f} seconds"
        if wrong:
            name = arguments.save / f"broken-{seed}-{tried.number}"
            name.write_bytes(text)
            tried.broken.append(f"{name} (release {release}, kind {kind}, relaxed {relaxed}): {wrong}")
    current.unlink()
    return tried


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="*", type=Path, metavar="FOLDER")
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--slow", type=float, default=5)
    parser.add_argument("--save", type=Path, default=Path("fuzz"))
    arguments = parser.parse_args()
    arguments.save.mkdir(parents=True, exist_ok=True)
    with multiprocessing.Pool(arguments.jobs) as pool:
        waiting = [pool.apply_async(fuzz, (arguments.seed + number, arguments)) for number in range(arguments.jobs)]
        answers, lost = [], 0
        for each in waiting:
            try:
                answers.append(each.get(timeout=arguments.seconds + 120))
            except multiprocessing.TimeoutError:
                lost += 1
    for line in (line for tried in answers for line in tried.broken):
        print(line)
    if lost:
        print(f"{lost} processes died or hang; what they judged is in {arguments.save}/current-*")
    number, valid = sum(tried.number for tried in answers), sum(tried.valid for tried in answers)
    broken, slowest = sum(len(tried.broken) for tried in answers), max((tried.slowest for tried in answers), default=0)
    print(f"{number:,} texts judged, {valid:,} of them valid; {broken} broken; the slowest took {slowest:.2f} seconds")
    return 1 if broken or lost else 0


if __name__ == "__main__":
    sys.exit(main())
