"""
How fast definitions are judged: ours against the validators that pip installs, on the same files in the same run.

    python benchmarks/definitions.py

Every validator runs in a process of its own, one thread, the network closed; files are in memory before the clock
starts, which counts the processor time of reading JSON or YAML and validating. The peers are installed into a
throw-away virtual environment. Writes the table into benchmarks/README.md.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

CORPUS = Path(__file__).parents[2] / "shared" / "corpus" / "openapi"
README = Path(__file__).with_name("README.md")
BEGIN, END = "<!-- definitions -->", "<!-- end of definitions -->"
RELEASE = "4.2.0"
OURS = "apim-upgrade"
PEERS = {
    "openapi-spec-validator": "openapi-spec-validator",
    "jsonschema-rs": "jsonschema-rs, official schemas",
    "reading": "json and PyYAML's C loader, no check",
}
PACKAGES = ("openapi-spec-validator", "jsonschema-rs", "pyyaml")
WARM = 25

Validate = Callable[[bytes], bool]


@dataclass
class Measured:
    """Files a second, and how often the verdict is the product's."""

    files: int
    json_per_second: float
    yaml_per_second: float
    agreeing: int
    falsely_valid: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", choices=[OURS, *PEERS], help="measure one validator here and print JSON")
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--dry-run", action="store_true", help="print the table only")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(asdict(measure(VALIDATORS[options.measure](), options.corpus))))
        return
    with TemporaryDirectory() as folder:
        venv.create(folder, with_pip=True)
        peers = str(Path(folder, "bin", "python"))
        subprocess.run([peers, "-m", "pip", "install", "-q", "--disable-pip-version-check", *PACKAGES], check=True)
        results = {name: in_a_process(sys.executable if name == OURS else peers, name, options.corpus)
                   for name in (OURS, *PEERS)}  # fmt: skip
    table = written(results)
    print(table)
    if not options.dry_run:
        text = README.read_text()
        before, after = text.split(BEGIN)[0], text.split(END)[1]
        README.write_text(f"{before}{BEGIN}\n\n{table}\n{END}{after}")


def in_a_process(python: str, name: str, corpus: Path) -> Measured:
    command = [python, __file__, "--measure", name, "--corpus", str(corpus)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Measured(**json.loads(done.stdout))


def measure(validate: Validate, corpus: Path) -> Measured:
    verdicts = json.loads((corpus / "verdicts.json").read_text())["files"]
    files = {name: (corpus / name).read_bytes() for name in verdicts}
    close_the_network()
    for text in list(files.values())[:WARM]:
        validate(text)
    seconds, counts = {"json": 0.0, "yaml": 0.0}, {"json": 0, "yaml": 0}
    agreeing = falsely_valid = 0
    for name, text in files.items():
        begun = time.process_time()
        valid = validate(text)
        form = "json" if name.endswith(".json") else "yaml"
        seconds[form] += time.process_time() - begun
        counts[form] += 1
        expected = verdicts[name][f"apim_{RELEASE}"]["valid"]
        agreeing += valid == expected
        falsely_valid += valid and not expected
    return Measured(
        len(files), counts["json"] / seconds["json"], counts["yaml"] / seconds["yaml"], agreeing, falsely_valid
    )


def close_the_network() -> None:
    import socket

    def refuse(*_: object, **__: object) -> None:
        raise OSError("the network is closed")

    socket.socket.connect = refuse  # type: ignore[method-assign]
    socket.getaddrinfo = refuse  # type: ignore[assignment]


def ours() -> Validate:
    from apim_upgrade.definitions import Kind, judge

    return lambda text: judge(text, RELEASE, kind=Kind.OPENAPI).valid


def read(text: bytes) -> object:
    import yaml

    return json.loads(text) if text.lstrip().startswith(b"{") else yaml.load(text, Loader=yaml.CSafeLoader)


def reading() -> Validate:
    def validate(text: bytes) -> bool:
        try:
            return isinstance(read(text), dict)
        except Exception:
            return False

    return validate


def openapi_spec_validator() -> Validate:
    from openapi_spec_validator import validate as check

    def validate(text: bytes) -> bool:
        try:
            check(read(text))
        except Exception:
            return False
        return True

    return validate


def jsonschema_rs() -> Validate:
    import jsonschema_rs
    import openapi_spec_validator

    folder = Path(openapi_spec_validator.__file__).parent / "resources" / "schemas"
    schemas = {version: json.loads((folder / f"v{version}" / "schema.json").read_text()) for version in VERSIONS}
    validators = {version: jsonschema_rs.validator_for(schema) for version, schema in schemas.items()}

    def validate(text: bytes) -> bool:
        try:
            document = read(text)
            version = str(document.get("openapi") or document.get("swagger"))[:3]
            return validators[version].is_valid(document)
        except Exception:
            return False

    return validate


VERSIONS = ("2.0", "3.0", "3.1")
VALIDATORS: dict[str, Callable[[], Validate]] = {
    OURS: ours,
    "openapi-spec-validator": openapi_spec_validator,
    "jsonschema-rs": jsonschema_rs,
    "reading": reading,
}


def written(results: dict[str, Measured]) -> str:
    one = results["openapi-spec-validator"]
    lines = [
        f"{one.files} files of the corpus, verdicts of {RELEASE} (Python {platform.python_version()}, one core of "
        f"{os.cpu_count()}; load average of the last quarter of an hour: {os.getloadavg()[2]:.1f}).",
        "",
        "| validator | JSON files/s | ratio | YAML files/s | ratio | agrees with the product | falsely valid |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for name, found in results.items():
        verdict = (f"{100 * found.agreeing / found.files:.1f} %", str(found.falsely_valid))
        if name == "reading":
            verdict = ("–", "–")
        lines.append(
            f"| {PEERS.get(name, f'**{name}**')} | {found.json_per_second:,.0f} | "
            f"{found.json_per_second / one.json_per_second:,.1f}× | {found.yaml_per_second:,.0f} | "
            f"{found.yaml_per_second / one.yaml_per_second:,.1f}× | {verdict[0]} | {verdict[1]} |"
        )
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
