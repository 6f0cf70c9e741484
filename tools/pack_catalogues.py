"""
Packs the schema catalogues of the facts beside the project into the package, always to the same bytes.

Run it from anywhere: ``python tools/pack_catalogues.py``. Prose of how a catalogue was made stays behind.
"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parents[1]
FACTS = HERE.parent / "shared" / "facts" / "schema"
PACKED = HERE / "src" / "apim_upgrade" / "releases" / "data" / "catalogues"
FORM = "apim-upgrade/catalogues/1"
LEFT_OUT = ("format", "database", "version", "schema", "tables", "method", "notes")


def main() -> None:
    """Write one file a DBMS."""
    PACKED.mkdir(parents=True, exist_ok=True)
    for folder in sorted(path for path in FACTS.iterdir() if path.is_dir()):
        target = PACKED / f"{folder.name}.json.gz"
        target.write_bytes(packed(folder))
        print(target.relative_to(HERE), target.stat().st_size)


def packed(folder: Path) -> bytes:
    """Return the bytes of one DBMS's file."""
    tables: list[Any] = []
    numbers: dict[str, int] = {}
    releases: dict[str, dict[str, Any]] = {}

    def number(table: Any) -> int:
        text = json.dumps(table, sort_keys=True)
        if text not in numbers:
            numbers[text] = len(tables)
            tables.append(table)
        return numbers[text]

    for file in sorted(folder.glob("*/*.json"), key=lambda path: (_release(path.parent.name), path.name)):
        catalogue = json.loads(file.read_text(encoding="utf-8"))
        releases.setdefault(catalogue["version"], {})[catalogue["schema"]] = {
            "tables": {name: number(table) for name, table in catalogue["tables"].items()},
            **{name: value for name, value in catalogue.items() if name not in LEFT_OUT},
        }
    document: dict[str, Any] = {"form": FORM, "tables": tables, "releases": releases}
    timestamps = folder / "legacy-timestamps.json"
    if timestamps.exists():
        document["legacy_timestamps"] = json.loads(timestamps.read_text(encoding="utf-8"))["versions"]
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return gzip.compress(text.encode(), compresslevel=9, mtime=0)


def _release(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split("."))


if __name__ == "__main__":
    main()
