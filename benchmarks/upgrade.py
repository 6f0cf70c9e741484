"""
How long an upgrade takes and how much memory: against copying the same databases, and against row-at-a-time loops.

    python benchmarks/upgrade.py --sizes 100,1000,10000
    python benchmarks/upgrade.py --sizes 100,1000,10000 --server mariadb

makes up estates of so many APIs, upgrades them, and writes the tables into benchmarks/README.md. The upgrade runs in a
process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
from collections import defaultdict
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import row_at_a_time
from apim_upgrade import samples
from apim_upgrade.databases import Address, Database
from apim_upgrade.engine import journal
from apim_upgrade.execution import Order, prove, run
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.releases import Release
from servers import SERVERS, Server

PARTS = ("am", "shared")
README = Path(__file__).with_name("README.md")
MARKS = {
    "postgresql": ("<!-- results -->", "<!-- end of results -->"),
    "mariadb": ("<!-- results on MariaDB -->", "<!-- end of results on MariaDB -->"),
}
PHASES = ("prepare", "expand", "migrate", "contract", "finish")


@dataclass
class Result:
    """What one estate's upgrade took; seconds and MiB."""

    apis: int
    rows: int
    megabytes: int
    sample: float
    copy: float
    loops: list[tuple[str, str, int, float]]
    clone: float = 0.0
    phases: dict[str, float] = field(default_factory=dict)
    steps: dict[str, float] = field(default_factory=dict)
    verify: float = 0.0
    memory: int = 0
    workers: int = 0
    holds: bool = False
    failed: int = 0

    @property
    def upgrade(self) -> float:
        """The work on the copies: everything but the copying and the proof."""
        return sum(self.phases.values())


def measure(source: str, apis: int, options: argparse.Namespace) -> Result:
    """Make up an estate, time the plain copy and the upgrade; at one size of the first release the loops too."""
    with SERVERS[options.server]() as server, TemporaryDirectory() as folder:
        for part in PARTS:
            server.create(part)
        am, shared = (Database(part, server.address(part)) for part in PARTS)
        began = time.perf_counter()
        written = samples.write(
            Release.parse(source),
            am,
            shared,
            apis=apis,
            applications_per_api=options.applications,
            tokens_per_api=options.tokens,
        )
        made = time.perf_counter() - began
        size = sum(server.size(part) for part in PARTS)
        copied = copy_time(server)
        loops = loop_times(server) if (source, apis) == (options.sources[0], options.loops_at) else []
        result = Result(apis, sum(written.rows.values()), size // 2**20, made, copied, loops)
        truststore = Path(folder) / "client-truststore.jks"
        truststore.write_bytes(samples.truststore(am))
        job = {
            "addresses": {part: where(server.address(part)) for part in PARTS},
            "target": options.target,
            "truststore": str(truststore),
            "runs": str(Path(folder) / "runs"),
        }
        done = subprocess.run(
            [sys.executable, __file__, "--job", json.dumps(job)], check=True, stdout=subprocess.PIPE, text=True
        )
        for name, value in json.loads(done.stdout.splitlines()[-1]).items():
            setattr(result, name, value)
        return result


def where(address: Address) -> tuple[str, str, int, str, str]:
    """What makes the address again in the process that upgrades."""
    return address.kind, address.host, address.port, address.database, address.username


def copy_time(server: Server) -> float:
    """Seconds that the server takes to copy both databases by itself."""
    began = time.perf_counter()
    for part in PARTS:
        server.copy(part, f"{part}_copy")
    seconds = time.perf_counter() - began
    for part in PARTS:
        server.drop(f"{part}_copy")
    return seconds


def loop_times(server: Server) -> list[tuple[str, str, int, float]]:
    """What the row-at-a-time loops take on copies of their own."""
    for part in PARTS:
        server.copy(part, f"{part}_loops")
    with closing(server.rows_of("am_loops")) as am, closing(server.rows_of("shared_loops")) as shared:
        timings = row_at_a_time.measure(am, shared)
    for part in PARTS:
        server.drop(f"{part}_loops")
    return [(each.loop.item, each.loop.step, each.items, each.seconds) for each in timings]


def work(job: dict[str, object]) -> dict[str, object]:
    """Upgrade and prove, in this process; return what it took."""
    given: dict[str, tuple[str, str, int, str, str]] = job["addresses"]  # type: ignore[assignment]
    addresses = {part: Address(*each) for part, each in given.items()}
    order = Order(
        addresses,
        {part: f"{part}_upgraded" for part in PARTS},
        Release.parse(str(job["target"])),
        Choices(truststore=Path(str(job["truststore"]))),
        Path(str(job["runs"])),
    )
    clones: list[float] = []

    def say(text: str) -> None:
        if text.startswith(("Cloning", "Cloned")):
            clones.append(time.perf_counter())

    done = run(order, None, retry_failed=False, listener=lambda event: None, say=say)
    began = time.perf_counter()
    checked = prove(order)
    proof = time.perf_counter() - began
    phases: dict[str, float] = defaultdict(float)
    steps: dict[str, float] = {}
    for database in order.targets().values():
        with database.read() as session:
            for entry in journal.read_entries(session):
                seconds = (entry.ended - entry.started).total_seconds()
                phases[entry.phase] += seconds
                steps[entry.step] = seconds
    return {
        "clone": sum(after - before for before, after in zip(clones[::2], clones[1::2], strict=False)),
        "phases": phases,
        "steps": steps,
        "verify": proof,
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "workers": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024,
        "holds": checked.verification.holds,
        "failed": done.outcome.failed_items,
    }


def tables(source: str, results: list[Result], options: argparse.Namespace) -> str:
    """The tables of one source release as Markdown."""
    server = SERVERS[options.server]
    lines = [
        f"{source} to {options.target}, {options.applications} applications and {options.tokens} tokens "
        f"per API; {server.called} on the same machine ({os.cpu_count()} cores, Python {platform.python_version()}; "
        f"load average of the last quarter of an hour, this work included: {os.getloadavg()[2]:.1f}).",
        "",
        "| | " + " | ".join(f"{each.apis:,} APIs" for each in results) + " |",
        "|---|" + "---:|" * len(results),
    ]

    def line(name: str, *values: str) -> None:
        lines.append(f"| {name} | " + " | ".join(values) + " |")

    def times(name: str, *seconds: float) -> None:
        shown = [f"{each:.1f} s ({each / of.copy:.1f}×)" for each, of in zip(seconds, results, strict=True)]
        line(name, *shown)

    line("rows before", *(f"{each.rows:,}" for each in results))
    line("size of both databases", *(f"{each.megabytes:,} MiB" for each in results))
    line(f"{server.by_hand} of both = 1×", *(f"{each.copy:.1f} s" for each in results))
    times("the tool's copy", *(each.clone for each in results))
    for phase in PHASES:
        times(phase, *(each.phases.get(phase, 0.0) for each in results))
    times("**all steps**", *(each.upgrade for each in results))
    times("proof and report", *(each.verify for each in results))
    line("peak memory of the tool", *(f"{each.memory} MiB" for each in results))
    line("largest worker process", *(f"{each.workers} MiB" for each in results))
    line("proofs hold, items failed", *(f"{'yes' if each.holds else '**no**'}, {each.failed}" for each in results))
    line("(making the sample)", *(f"{each.sample:.1f} s" for each in results))
    for each in results:
        lines += loop_lines(each)
    return "\n".join(lines)


def loop_lines(result: Result) -> list[str]:
    """The table of the loops, where they were measured."""
    if not result.loops:
        return []
    lines = [
        "",
        f"Row at a time, at {result.apis:,} APIs, against the step that does the same there:",
        "",
        "| item | items | one item, row at a time | one item, set-based | factor |",
        "|---|---:|---:|---:|---:|",
    ]
    for item, step, count, seconds in result.loops:
        own = result.steps[step]
        each, set_based = (f"{taken / count * 1e6:,.0f} µs" for taken in (seconds, own))
        lines.append(f"| {item} (`{step}`) | {count:,} | {each} | {set_based} | {seconds / own:.1f} |")
    looped = sum(seconds for *_, seconds in result.loops)
    own = sum(result.steps[step] for _, step, _, _ in result.loops)
    lines.append(f"| **all of these** | | {looped:.1f} s in all | {own:.1f} s in all | **{looped / own:.1f}** |")
    return lines


def write(text: str, begin: str, end: str) -> None:
    """Put the tables where the marks are."""
    before, _, rest = README.read_text(encoding="utf-8").partition(begin)
    README.write_text(f"{before}{begin}\n\n{text}\n\n{end}{rest.partition(end)[2]}", encoding="utf-8")


def main() -> int:
    """Measure every size and write the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="100,1000,10000", help="numbers of APIs, the smallest first")
    parser.add_argument("--server", choices=SERVERS, default="postgresql")
    parser.add_argument("--applications", type=int, default=100, help="per API")
    parser.add_argument("--tokens", type=int, default=100, help="per API")
    parser.add_argument("--loops-at", type=int, default=1000, help="the size at which the loops are measured too")
    parser.add_argument("--from", dest="sources", default="3.2.0,4.0.0", help="releases; the loops are of the first")
    parser.add_argument("--to", dest="target", default="4.4.0")
    parser.add_argument("--json", type=Path, help="keep the figures in this file as well")
    parser.add_argument("--dry-run", action="store_true", help="print the tables only")
    parser.add_argument("--job", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.job:
        print(json.dumps(work(json.loads(options.job))))
        return 0
    options.sizes = [int(each) for each in options.sizes.split(",")]
    options.sources = options.sources.split(",")
    results: dict[str, list[Result]] = {source: [] for source in options.sources}
    for source in options.sources:
        for apis in options.sizes:
            results[source].append(measure(source, apis, options))
            text = "\n\n".join(tables(name, each, options) for name, each in results.items() if each)
            print(text, file=sys.stderr)
            if not options.dry_run:
                write(text, *MARKS[options.server])
    if options.json:
        figures = {source: [asdict(each) for each in found] for source, found in results.items()}
        options.json.write_text(json.dumps(figures, indent=2), encoding="utf-8")
    return 0 if all(each.holds for found in results.values() for each in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
