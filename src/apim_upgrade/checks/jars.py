"""
What a jar asks of a server: the Java of its classes, what they refer to, the versions that its manifest demands.

Nothing of a jar is run. It is read with limits, as it may be anything.
"""

from __future__ import annotations

import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_CLASSES_LIMIT = 20_000
_CLASS_LIMIT = 4 * 1024 * 1024
_MANIFEST_LIMIT = 1024 * 1024
_JAR_LIMIT = 512 * 1024 * 1024
_MAGIC = 0xCAFEBABE
_UTF8, _CLASS = 1, 7
_SIZES = {3: 4, 4: 4, 5: 8, 6: 8, 7: 2, 8: 2, 9: 4, 10: 4, 11: 4, 12: 4, 15: 3, 16: 2, 17: 4, 18: 4, 19: 2, 20: 2}
"""Bytes after the tag of every kind of constant but text."""
_WIDE = (5, 6)
_PACKAGE = re.compile(r'([A-Za-z0-9_.]+)((?:;[^,";]*(?:"[^"]*")?)*)(?:,|$)')
_VERSION = re.compile(r'version\s*=\s*"?([^";]+)"?')


@dataclass(frozen=True, slots=True)
class Import:
    """A package that a bundle's manifest demands; ``below`` is where its versions end, None for no end."""

    package: str
    below: tuple[int, ...] | None
    range: str


@dataclass(frozen=True, slots=True)
class Jar:
    """One jar; ``broken`` says why it could not be read."""

    symbolic_name: str = ""
    version: str = ""
    imports: tuple[Import, ...] = ()
    class_file: int = 0
    """The highest version of its class files; those for newer Java only (``META-INF/versions``) left out."""
    references: frozenset[str] = frozenset()
    """Classes that its classes refer to, by internal name, its own left out."""
    broken: str = ""


def read_jar(file: Path) -> Jar:
    """Read a jar; what cannot be read is said in the value."""
    try:
        if file.stat().st_size > _JAR_LIMIT:
            return Jar(broken="it is too large")
        with zipfile.ZipFile(file) as opened:
            return _read(opened)
    except (OSError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError):
        return Jar(broken="it is no jar that can be read")


def _read(opened: zipfile.ZipFile) -> Jar:
    names = [entry for entry in opened.infolist() if entry.filename.endswith(".class")]
    own = {entry.filename.removesuffix(".class") for entry in names}
    highest, references = 0, set[str]()
    for entry in names[:_CLASSES_LIMIT]:
        if entry.file_size > _CLASS_LIMIT or entry.filename.startswith("META-INF/") or "module-info" in entry.filename:
            continue
        with opened.open(entry) as part:
            version, found = class_facts(part.read(_CLASS_LIMIT))
        highest = max(highest, version)
        references |= found
    manifest = _manifest(opened)
    return Jar(
        manifest.get("bundle-symbolicname", "").partition(";")[0].strip(),
        manifest.get("bundle-version", ""),
        tuple(_imports(manifest.get("import-package", ""))),
        highest,
        frozenset(references - own),
    )


def class_facts(data: bytes) -> tuple[int, set[str]]:
    """Return the version of a class file and the classes that it names; (0, nothing) for anything else."""
    try:
        magic, _, version, count = struct.unpack_from(">IHHH", data)
        return (version, _named(data, count)) if magic == _MAGIC else (0, set())
    except (struct.error, KeyError, IndexError):
        return 0, set()


def _named(data: bytes, count: int) -> set[str]:
    texts: dict[int, str] = {}
    classes: list[int] = []
    at, number = 10, 1
    while number < count:
        tag = data[at]
        if tag == _UTF8:
            (length,) = struct.unpack_from(">H", data, at + 1)
            texts[number] = data[at + 3 : at + 3 + length].decode("utf-8", "replace")
            at += 3 + length
        else:
            if tag == _CLASS:
                classes.append(struct.unpack_from(">H", data, at + 1)[0])
            at += 1 + _SIZES[tag]
        number += 2 if tag in _WIDE else 1
    return {texts[number].lstrip("[").removeprefix("L").rstrip(";") for number in classes if number in texts}


def _manifest(opened: zipfile.ZipFile) -> dict[str, str]:
    try:
        with opened.open("META-INF/MANIFEST.MF") as part:
            text = part.read(_MANIFEST_LIMIT).decode("utf-8", "replace")
    except KeyError:
        return {}
    lines = text.replace("\r\n", "\n").replace("\n ", "").split("\n\n")[0].split("\n")
    pairs = (line.partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, colon, value in pairs if colon}


def _imports(text: str) -> Iterator[Import]:
    for match in _PACKAGE.finditer(text):
        version = _VERSION.search(match[2])
        if version is None:
            continue
        wanted = version[1].strip()
        end = wanted.rstrip("])").partition(",")[2] if wanted[:1] in "[(" else ""
        numbers = tuple(int(part) for part in re.findall(r"\d+", end)[:3])
        yield Import(match[1], numbers or None, wanted)
