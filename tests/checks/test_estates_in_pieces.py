"""Rules say the same of an estate whose tables lie in five databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apim_upgrade.checks import Baseline, Report, all_rules, check, open_subject
from apim_upgrade.estate import read_estate
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices
from apim_upgrade.releases import Release
from checks.planting import NOW
from conftest import Pair
from upgrade.split import split

__all__ = ["split"]


def checked(pair: Pair, source: str) -> Report:
    estate = read_estate(pair.by_name(), source)
    with open_subject(pair.by_name(), estate, Release.parse("4.7.0"), Choices(), CheckChoices()) as subject:
        subject.now = NOW
        return check(subject, all_rules(), baseline=Baseline(), listener=lambda event: None)


@pytest.mark.parametrize("source", ["3.2.0", "4.2.0"])
def test_an_estate_in_pieces_gives_the_same_findings(
    sample_estate: Callable[..., Pair], split: Callable[..., Pair], source: str
) -> None:
    whole = sample_estate(source, blemishes=True)
    expected = checked(whole, source)
    found = checked(split(whole, "identity", "user", "config"), source)
    assert [(each.rule.code, each.reason) for each in found.unchecked] == []
    places = ("DB", "ENV")  # about the databases themselves, of which there are more
    assert [(each.code, each.severity, each.message) for each in found.findings if each.rule.family not in places] == [
        (each.code, each.severity, each.message) for each in expected.findings if each.rule.family not in places
    ]
