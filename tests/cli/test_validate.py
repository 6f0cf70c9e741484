"""``validate``: what it prints as text and as JSON, its exit codes, and files that are no definitions."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from apim_upgrade.cli import definition_files, main
from conftest import shared_path

Capture = pytest.CaptureFixture[str]

OPENAPI = {"openapi": "3.0.1", "info": {"title": "T", "version": "1"}, "paths": {}}
ASYNCAPI = {"asyncapi": "2.0.0", "info": {}, "channels": {}}
GRAPHQL = "type Query { a: Int }"
WSDL = '<d:definitions xmlns:d="http://schemas.xmlsoap.org/wsdl/"/>'


@dataclass
class Told:
    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def codes(self) -> dict[str, list[str]]:
        return {Path(line["file"]).name: line["codes"] for line in self.lines}


class Tool:
    """The command, called as from a shell."""

    def __init__(self, capture: Capture) -> None:
        self.capture = capture

    def __call__(self, *arguments: str | Path, release: str = "4.2.0", jobs: int = 1) -> Told:
        code = main(["validate", *map(str, arguments), "--release", release, "--jobs", str(jobs)])
        shown = self.capture.readouterr()
        return Told(code, shown.out, shown.err)


@pytest.fixture
def validate(capsys: Capture) -> Tool:
    return Tool(capsys)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A folder with a definition of every kind and other files, seen from inside it."""
    folder = tmp_path / "project"
    (folder / "b" / ".git").mkdir(parents=True)
    (folder / "openapi.yaml").write_text(json.dumps(OPENAPI), encoding="utf-8")
    (folder / "b" / "asyncapi.json").write_text(json.dumps(ASYNCAPI), encoding="utf-8")
    (folder / "b" / "schema.GraphQL").write_text(GRAPHQL, encoding="utf-8")
    (folder / "a.wsdl").write_text(WSDL, encoding="utf-8")
    with zipfile.ZipFile(folder / "z.zip", "w") as archive:
        archive.writestr("a.wsdl", WSDL)
    for other in ("b/readme.md", "b/.git/config.json", ".hidden.json"):
        (folder / other).write_text("not to be looked at", encoding="utf-8")
    before = Path.cwd()
    os.chdir(tmp_path)
    yield Path("project")
    os.chdir(before)


def test_a_folder_of_sound_definitions(validate: Tool, project: Path) -> None:
    told = validate(project)
    assert told == Told(0, "5 files for 4.2.0: 5 valid, 0 invalid, 0 not checked; 0 findings\n", "")


def test_findings_are_told_as_lines_that_editors_understand(validate: Tool, project: Path) -> None:
    (project / "b" / "schema.GraphQL").write_text("type Query {\n  a: Int\n  b: Date\n}", encoding="utf-8")
    (project / "a.wsdl").write_text("<a/>", encoding="utf-8")
    told = validate(project)
    assert told.code == 1
    assert told.out.splitlines() == [
        "project/a.wsdl: no-processor No WSDL processor found to process WSDL content",
        "project/b/schema.GraphQL:3: unknown-type The field type 'Date' is not present when resolving type "
        "'Query' [@1:1]",
        "5 files for 4.2.0: 3 valid, 2 invalid, 0 not checked; 2 findings",
    ]


def test_json_is_a_line_for_every_file_in_name_order(validate: Tool, project: Path) -> None:
    (project / "b" / "asyncapi.json").write_text('{\n"asyncapi": "1.0", "info": {}}', encoding="utf-8")
    told = validate(project, "--format", "json")
    assert told.code == 1
    assert told.err == "5 files for 4.2.0: 4 valid, 1 invalid, 0 not checked; 1 findings\n"
    names = ["a.wsdl", "openapi.yaml", "z.zip", "b/asyncapi.json", "b/schema.GraphQL"]
    assert [line["file"] for line in told.lines] == [f"project/{name}" for name in names]
    assert [line["kind"] for line in told.lines] == ["wsdl", "openapi", "wsdl", "asyncapi", "graphql"]
    text = "java.lang.RuntimeException: Unknown data model type or version."
    assert told.lines[3] == {
        "schema": "apim-upgrade/validate/1",
        "file": "project/b/asyncapi.json",
        "kind": "asyncapi",
        "checked": True,
        "valid": False,
        "templates_ok": True,
        "aborted": True,
        "codes": ["bad-spec-version"],
        "messages": [text],
        "findings": [{"code": "bad-spec-version", "message": text, "pointer": "/asyncapi", "line": 2}],
    }


def test_release_mode_and_kind_are_those_asked_for(validate: Tool, tmp_path: Path) -> None:
    file = tmp_path / "definition"
    file.write_text(json.dumps({**OPENAPI, "extra": 1}), encoding="utf-8")
    assert validate(file).code == 1
    assert validate(file, "--relaxed").code == 0
    assert validate(file, "--kind", "graphql", "--format", "json").lines[0]["kind"] == "graphql"
    file.write_text(json.dumps({"swagger": "2.0", "info": {"title": "T"}, "paths": {}}), encoding="utf-8")
    assert [validate(file, release=release).code for release in ("4.0.0", "4.2.0", "4.4.0", "4.7.0")] == [0, 0, 1, 1]


def test_operations_that_cannot_be_read_count_as_invalid(validate: Tool, tmp_path: Path) -> None:
    file = tmp_path / "a.json"
    operation = {"security": [{"default": ["absent"]}], "responses": {"200": {"description": "d"}}}
    file.write_text(json.dumps({**OPENAPI, "paths": {"/a": {"get": operation}}}), encoding="utf-8")
    told = validate(file, "--format", "json")
    assert (told.code, told.lines[0]["valid"], told.lines[0]["templates_ok"]) == (1, True, False)
    assert validate(file).out.startswith(f"{file}")


def packed() -> bytes:
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w") as archive:
        archive.writestr("a.json", json.dumps(OPENAPI))
    return text.getvalue()


HOSTILE = {
    "zip.json": packed(),
    "utf8.json": b'{"openapi": "3.0.1", "info": "\xff"}',
    "utf8.graphql": b"type Query { \xff }",
    "nul.yaml": b"openapi: 3.0.1\0",
    "nul.graphql": b"\0",
    "nul.wsdl": b"\0" * 100,
    "empty.json": b"",
    "empty.wsdl": b"",
    "cut.zip": packed()[:40],
    "other.zip": packed(),
    "deep.json": b'{"a":' * 100_000,
    "laughs.yaml": b"a: &a [x,x,x,x,x,x,x,x,x,x]\n"
    + b"".join(b"%c: &%c [%s]\n" % (n, n, b",".join([b"*%c" % (n - 1)] * 10)) for n in range(98, 112)),
    "page.json": b"<!DOCTYPE html><html></html>",
    "lines.yaml": b"\n" * 200_000,
}


def test_what_is_no_definition_is_a_finding(validate: Tool, tmp_path: Path) -> None:
    for name, content in HOSTILE.items():
        (tmp_path / name).write_bytes(content)
    told = validate(tmp_path, "--format", "json")
    assert told.code == 1
    assert sorted(told.codes) == sorted(HOSTILE)
    assert all(told.codes.values())
    assert not any(line["valid"] for line in told.lines)
    assert all(line["checked"] for line in told.lines)
    assert all("\n" not in line for line in validate(tmp_path).out.splitlines())


def test_files_that_cannot_be_read_do_not_stop_the_others(
    validate: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(definition_files, "LARGEST", 1000)
    (tmp_path / "a.json").write_text(" " * 1001, encoding="utf-8")
    (tmp_path / "b.json").symlink_to("nowhere")
    os.mkfifo(tmp_path / "c.json")
    (tmp_path / "d.json").write_text(json.dumps(OPENAPI), encoding="utf-8")
    (tmp_path / "e.json").write_text("{}", encoding="utf-8")
    told = validate(tmp_path, "--format", "json")
    assert told.code == 2
    assert [told.codes[f"{name}.json"] for name in "abcd"] == [["too-large"], ["unreadable"], ["unreadable"], []]
    assert told.err == "5 files for 4.2.0: 1 valid, 1 invalid, 3 not checked; 7 findings\n"
    assert "a.json: too-large larger than the 1,000 bytes that are read" in validate(tmp_path).out


def test_folders_that_cannot_be_listed_are_told_of(
    validate: Tool, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scandir = os.scandir

    def refuse(path: str) -> Any:
        if path == "project/b":
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    monkeypatch.setattr(os, "scandir", refuse)
    told = validate(project)
    assert told.code == 2
    assert told.out.startswith("project/b: unreadable ")
    assert "4 files for 4.2.0: 3 valid, 0 invalid, 1 not checked" in told.out


def test_a_fault_of_our_own_is_told_for_its_file(
    validate: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apim_upgrade import definitions

    sound = definitions.judge

    def judge(text: bytes, *arguments: Any, **more: Any) -> definitions.Judgement:
        if b"boom" in text:
            raise ZeroDivisionError("boom")
        return sound(text, *arguments, **more)

    monkeypatch.setattr(definitions, "judge", judge)
    (tmp_path / "a.graphql").write_text("boom", encoding="utf-8")
    (tmp_path / "b.graphql").write_text(GRAPHQL, encoding="utf-8")
    told = validate(tmp_path)
    assert told.code == 2
    assert told.out.splitlines()[0].endswith("a.graphql: internal a fault of this tool: ZeroDivisionError: boom")
    assert "1 valid, 0 invalid, 1 not checked" in told.out


def test_a_process_that_is_ended_from_outside_is_told_of(
    validate: Tool, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from apim_upgrade import definitions

    monkeypatch.setattr(definitions, "judge", lambda *arguments, **more: os._exit(9))
    told = validate(project, jobs=2)
    assert told.code == 3
    assert told.err.splitlines()[1] == "hint: Memory may have run out: give fewer --jobs."


def test_text_of_files_cannot_act_on_a_terminal(validate: Tool, tmp_path: Path) -> None:
    file = tmp_path / "a\x1b[31m\n.json"
    file.write_text(json.dumps({**OPENAPI, "\x1b]0;title\x07": 1, "long" * 1000: 2}), encoding="utf-8")
    told = validate(file)
    assert told.out.isprintable() is False  # because of the ends of lines alone
    assert all(line.isprintable() for line in told.out.splitlines())
    assert "\\x1b]0;title\\x07" in told.out
    assert max(map(len, told.out.splitlines())) <= 501


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["absent.json", "--release", "4.2.0"], "absent.json does not exist"),
        ([".", "--release", "4.8.0"], "4.8.0 is not known"),
        ([".", "--release", "3.2.0"], "3.2.0 is not known"),
        ([".", "--release", "4.2.0"], "There are no definitions"),
        (["."], "Missing option '--release'"),
        (["--release", "4.2.0"], "Missing argument"),
        ([".", "--release", "4.2.0", "--kind", "soap"], "soap"),
        ([".", "--release", "4.2.0", "--jobs", "0"], "--jobs"),
    ],
)
def test_wrong_usage_is_told_in_a_sentence(
    capsys: Capture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], told: str
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["validate", *arguments]) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    error, hint = shown.err.splitlines()
    assert told in error
    assert hint.startswith("hint: ")


def test_many_processes_answer_in_the_same_order(validate: Tool) -> None:
    folder = shared_path("corpus", "wsdl")
    alone = validate(folder, folder.parent / "asyncapi", "--format", "json")
    together = validate(folder, folder.parent / "asyncapi", "--format", "json", jobs=3)
    assert (together.code, together.out, together.err) == (alone.code, alone.out, alone.err)
    assert len(together.lines) > 130


def test_a_reader_that_has_seen_enough_ends_it_quietly(tmp_path: Path) -> None:
    for number in range(400):
        (tmp_path / f"{number}.graphql").write_text("x" * 300, encoding="utf-8")
    command = [sys.executable, "-m", "apim_upgrade.cli", "validate", str(tmp_path), "--release", "4.2.0", "--jobs", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.wait(timeout=60) == 0
        assert process.stderr.read() == b""
