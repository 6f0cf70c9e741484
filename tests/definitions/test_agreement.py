"""
The bars of the room, measured over the corpus: real and mutated definitions with the verdicts of the product's parsers.

Run with ``-s`` to see the figures of each release.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cache

import pytest

from apim_upgrade.definitions import Kind, judge
from conftest import shared_path

RELEASES = ("4.0.0", "4.2.0", "4.4.0")


@dataclass
class Share:
    """How many of a set agree; the others by name."""

    files: int = 0
    others: list[str] = field(default_factory=list)

    def count(self, name: str, *, agrees: bool) -> None:
        self.files += 1
        if not agrees:
            self.others.append(name)

    @property
    def agreeing(self) -> float:
        return 1 - len(self.others) / self.files

    def __str__(self) -> str:
        return f"{100 * self.agreeing:.1f} % of {self.files}"


@dataclass
class Figures:
    real: Share = field(default_factory=Share)
    mutated: Share = field(default_factory=Share)
    relaxed: Share = field(default_factory=Share)
    acceptable: Share = field(default_factory=Share)
    falsely_valid: Share = field(default_factory=Share)
    codes: Share = field(default_factory=Share)
    texts: Share = field(default_factory=Share)


@cache
def corpus() -> dict[str, tuple[bytes, dict[str, dict]]]:
    folder = shared_path("corpus", "openapi")
    files = json.loads((folder / "verdicts.json").read_text())["files"]
    return {name: ((folder / name).read_bytes(), verdicts) for name, verdicts in files.items()}


def measure(release: str) -> Figures:
    figures = Figures()
    for name, (text, verdicts) in corpus().items():
        theirs = verdicts[f"apim_{release}"]
        ours = judge(text, release, kind=Kind.OPENAPI)
        figures_of_set = figures.real if name.startswith("real/") else figures.mutated
        figures_of_set.count(name, agrees=ours.valid == theirs["valid"])
        figures.falsely_valid.count(name, agrees=not ours.valid or theirs["valid"])
        figures.acceptable.count(name, agrees=ours.acceptable == theirs["premigration_ok"])
        if "valid_relaxed" in theirs:
            relaxed = judge(text, release, kind=Kind.OPENAPI, relaxed=True)
            figures.relaxed.count(name, agrees=relaxed.valid == theirs["valid_relaxed"])
        if not theirs["valid"]:
            figures.codes.count(name, agrees=ours.codes == set(theirs["codes"]))
            if len(theirs["messages"]) < 20 and not ours.codes & {"syntax", "null-pointer", "class-cast"}:
                said = {message.text[:295] for message in ours.messages}
                figures.texts.count(name, agrees=said == {text[:295] for text in theirs["messages"]})
    return figures


@pytest.mark.parametrize("release", RELEASES)
def test_verdicts_and_codes_agree_with_the_product(release: str) -> None:
    figures = measure(release)
    print(
        f"\n{release}: valid/invalid agrees on {figures.real} real and {figures.mutated} mutated files, "
        + (f"relaxed on {figures.relaxed}, " if figures.relaxed.files else "")
        + f"acceptable on {figures.acceptable}; falsely valid {len(figures.falsely_valid.others)}; "
        f"codes equal on {figures.codes} invalid files, texts on {figures.texts} comparable ones"
    )
    assert figures.real.agreeing >= 0.99, figures.real.others
    assert figures.mutated.agreeing >= 0.97, figures.mutated.others
    assert figures.acceptable.agreeing >= 0.99, figures.acceptable.others
    assert figures.falsely_valid.agreeing >= 0.995, figures.falsely_valid.others
    assert figures.codes.agreeing >= 0.95, figures.codes.others
    assert figures.texts.agreeing >= 0.9, figures.texts.others
    if figures.relaxed.files:
        assert figures.relaxed.agreeing >= 0.99, figures.relaxed.others


def test_every_finding_of_the_corpus_leads_to_a_place_in_its_text() -> None:
    for name, (text, _) in corpus().items():
        if len(text) > 200_000:
            continue
        for message in judge(text, "4.4.0", kind=Kind.OPENAPI).messages:
            if message.code not in {"syntax", "yaml-too-large", "wrong-type"} or message.pointer:
                assert message.line is not None, (name, message)
            if message.line is not None:
                assert 1 <= message.line <= text.count(b"\n") + 1, (name, message)
