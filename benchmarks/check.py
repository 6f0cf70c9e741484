"""
How long `apim-upgrade check` takes over a whole estate, every rule and every definition, and how much memory.

    python benchmarks/check.py --sizes 1000,10000

makes up estates of so many APIs, runs the command on each, and writes the table into benchmarks/README.md. Memory is
that of the command and all its worker processes together, shared pages counted once.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from apim_upgrade import samples
from apim_upgrade.databases import Database, EmbeddedPostgres
from apim_upgrade.releases import Release

PARTS = ("am", "shared")
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- checks -->", "<!-- end of checks -->"


@dataclass(frozen=True)
class Result:
    """What one check took; seconds and MiB."""

    apis: int
    seconds: float
    memory: int
    rules: int
    unchecked: int
    findings: dict[str, int]
    checked: dict[str, int]


def measure(apis: int, options: argparse.Namespace) -> Result:
    """Make up an estate and run the command on it."""
    with EmbeddedPostgres() as server, TemporaryDirectory() as folder:
        with server.connect() as connection:
            for part in PARTS:
                connection.execute(f"CREATE DATABASE {part}".encode())
        am, shared = (Database(part, server.address(part)) for part in PARTS)
        samples.write(Release.parse(options.source), am, shared, apis=apis, blemishes=True)
        project = Path(folder) / "upgrade.toml"
        urls = (
            f'[database.{part}]\nurl = "postgresql://postgres@/{part}?host={server.folder}&port=5432"\n'
            for part in PARTS
        )
        project.write_text(f'target = "{options.target}"\n' + "".join(urls), encoding="utf-8")
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "apim_upgrade.cli", "check", "--project", str(project)]
        began = time.perf_counter()
        process = subprocess.Popen(
            [*command, "--format", "json", "--output", str(report)],
            stdout=subprocess.DEVNULL,
            stderr=(Path(folder) / "said").open("wb"),
        )
        peak = 0
        while process.poll() is None:
            peak = max(peak, _memory(process.pid))
            time.sleep(0.2)
        seconds = time.perf_counter() - began
        if not report.exists():
            raise SystemExit((Path(folder) / "said").read_text(encoding="utf-8"))
        said = json.loads(report.read_text(encoding="utf-8"))
    return Result(
        apis,
        seconds,
        peak // 2**20,
        len(said["rules"]),
        len(said["unchecked"]),
        said["result"]["open"],
        said["looked_at"],
    )


def _memory(root: int) -> int:
    """Bytes of a process and all below it, pages that they share counted once (Linux)."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue
    family, found = {root}, True
    while found:
        found = {child for child, parent in parents.items() if parent in family} - family
        family |= found
    total = 0
    for process in family:
        try:
            lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024


def table(results: list[Result], options: argparse.Namespace) -> str:
    """The table as Markdown."""
    lines = [
        f"{options.source} to {options.target}, blemished estates; {os.cpu_count()} cores, "
        f"Python {platform.python_version()}; load average of the last quarter of an hour, this work included: "
        f"{os.getloadavg()[2]:.1f}.",
        "",
        "| APIs | definitions judged | rules | could not be checked | findings | time | peak memory |",
        "|---:|---:|---:|---:|---|---:|---:|",
    ]
    for each in results:
        definitions = sum(number for kind, number in each.checked.items() if kind.endswith("definitions"))
        findings = ", ".join(f"{number:,} {name}" for name, number in each.findings.items() if number)
        lines.append(
            f"| {each.apis:,} | {definitions:,} | {each.rules} | {each.unchecked} | {findings} "
            f"| {each.seconds:.0f} s | {each.memory} MiB |"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure every size and write the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="1000,10000", help="numbers of APIs, the smallest first")
    parser.add_argument("--from", dest="source", default="4.2.0")
    parser.add_argument("--to", dest="target", default="4.7.0")
    options = parser.parse_args()
    results = [measure(int(apis), options) for apis in options.sizes.split(",")]
    text = table(results, options)
    print(text)
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(f"{before}{BEGIN}\n\n{text}\n\n{END}{rest.partition(END)[2]}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
