"""
How well `apim-upgrade estimate` foretells: it learns at two sizes and is tried at a third.

    python benchmarks/estimate.py --train 500,2000 --try 10000
    python benchmarks/estimate.py --train 500,2000 --write-model

rehearses made-up estates of so many APIs on a PostgreSQL of the tool's own, each on a server of its own, one after the
other; foretells the last one and rehearses it too. Writes the table into benchmarks/README.md. With --write-model, the
measurements of the sizes to train become the benchmark model that the tool carries.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory

from apim_upgrade import planning, samples
from apim_upgrade.databases import Database, EmbeddedPostgres
from apim_upgrade.execution import Order, forecast, foresee, rehearse
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.planning import Estimate, Measured, estimate, measurements
from apim_upgrade.planning.estimate import Work
from apim_upgrade.releases import Release

PARTS = ("am", "shared")
README = Path(__file__).with_name("README.md")
MODEL = Path(str(planning.__file__)).with_name("data") / "benchmark.json"
BEGIN, END = "<!-- estimates -->", "<!-- end of estimates -->"


def rehearsed(apis: int, source: str, target: str, learnt: list[list[Measured]]) -> tuple[list[Measured], Estimate]:
    """Make up an estate, foretell it from what was learnt, rehearse it."""
    with EmbeddedPostgres(durable=True) as server, TemporaryDirectory() as folder:
        with server.connect() as connection:
            for part in PARTS:
                connection.execute(f"CREATE DATABASE {part}".encode())
        am, shared = (Database(part, server.address(part)) for part in PARTS)
        samples.write(Release.parse(source), am, shared, apis=apis)
        with server.connect("am") as one, server.connect("shared") as other:
            one.execute("ANALYZE")
            other.execute("ANALYZE")
        addresses = {part: server.address(part) for part in PARTS}
        truststore = Path(folder) / "client-truststore.jks"
        truststore.write_bytes(samples.truststore(am))
        choices = Choices(truststore=truststore)
        order = Order(addresses, {part: f"{part}_up" for part in PARTS}, Release.parse(target), choices, Path(folder))
        told = forecast(order, foresee(order, None))
        result = rehearse(order, None, {}, keep=False, listener=lambda event: None, say=print)
        measured = measurements(result.document)
        if learnt:
            work = [Work(each.step, each.phase, each.rows, each.size) for each in measured]
            told = estimate(work, learnt)
        print(f"{apis:,} APIs: {result.document['state']}, {sum(each.seconds for each in measured):.1f} s", flush=True)
        return measured, told


def written(told: Estimate, actual: list[Measured], apis: int, options: argparse.Namespace) -> str:
    """The table: what was foretold and what it took."""
    lines = [
        f"{options.source} to {options.target}, learnt at {options.train} APIs, tried at {apis:,}. "
        f"{platform.machine()}, {os.cpu_count()} processors, load {os.getloadavg()[1]:.1f}.\n",
        "| | foretold | between | took | off |",
        "| --- | ---: | ---: | ---: | ---: |",
    ]
    took: dict[str, float] = {}
    for each in actual:
        took[each.phase] = took.get(each.phase, 0.0) + each.seconds
    for phase, (seconds, low, high) in told.by_phase().items():
        lines.append(_line(phase, seconds, low, high, took[phase]))
    lines.append(_line("**all**", told.seconds, told.low, told.high, sum(took.values())))
    by_step = {each.step: each for each in told.steps}
    for each in sorted(actual, key=lambda each: -each.seconds)[:12]:
        one = by_step[each.step]
        lines.append(_line(f"`{each.step}`", one.seconds, one.low, one.high, each.seconds))
    return "\n".join(lines) + "\n"


def _line(name: str, seconds: float, low: float, high: float, took: float) -> str:
    off = (seconds / took - 1) if took else 0.0
    return f"| {name} | {seconds:.2f} s | {low:.2f} – {high:.2f} s | {took:.2f} s | {off:+.0%} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--train", default="500,2000", help="APIs, by comma")
    parser.add_argument("--try", dest="trial", type=int, help="APIs of the estate that is foretold")
    parser.add_argument("--source", default="3.2.0")
    parser.add_argument("--target", default="4.7.0")
    parser.add_argument("--write-model", action="store_true", help="keep the measurements as the benchmark model")
    parser.add_argument("--dry-run", action="store_true", help="print the table only")
    options = parser.parse_args()
    sizes = [int(size) for size in options.train.split(",")]
    learnt: list[list[Measured]] = []
    for apis in sizes:
        learnt.append(rehearsed(apis, options.source, options.target, [])[0])
    if options.write_model:
        rehearsals = [
            {"apis": apis, "measured": [asdict(each) for each in measured]}
            for apis, measured in zip(sizes, learnt, strict=True)
        ]
        load = f"{os.cpu_count()} processors, load {os.getloadavg()[1]:.1f}"
        model = {"about": f"{options.source} to {options.target}, PostgreSQL; {load}", "rehearsals": rehearsals}
        lines = json.dumps(model, separators=(",", ":")).replace('{"step"', '\n{"step"')
        MODEL.write_text(lines + "\n", encoding="utf-8")
        print(f"Written to {MODEL}")
    if options.trial:
        actual, told = rehearsed(options.trial, options.source, options.target, learnt)
        table = written(told, actual, options.trial, options)
        print(table)
        if not options.dry_run:
            text = README.read_text(encoding="utf-8")
            README.write_text(f"{text.split(BEGIN)[0]}{BEGIN}\n\n{table}\n{END}{text.split(END)[1]}", encoding="utf-8")


if __name__ == "__main__":
    main()
