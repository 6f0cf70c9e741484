"""What steps took before tells what they will take: a line and an interval for each, or the next best."""

from __future__ import annotations

import random

import pytest

from apim_upgrade.planning import Measured, Work, estimate
from apim_upgrade.planning.estimate import Line, benchmark_model, fit, kind_of


def measured(step: str, apis: int, line: Line, noise: float = 0.0, phase: str = "migrate") -> Measured:
    rows, size = apis * 7, 1_000_000 + apis * 40_000
    return Measured(step, phase, line.at(rows, size) * (1 + noise), rows, size)


def work(each: Measured) -> Work:
    return Work(each.step, each.phase, each.rows, each.size)


LINES = [
    Line(0.003, 0.0, 0.0),
    Line(0.01, 0.0002, 0.0),
    Line(0.0, 0.0, 3e-9),
    Line(0.02, 0.0001, 2e-9),
    Line(0.5, 0.0, 1e-8),
]


@pytest.mark.parametrize("line", LINES)
def test_a_line_that_is_one_is_found_from_two_sizes(line: Line) -> None:
    learnt = [[measured("s", apis, line)] for apis in (500, 2000)]
    (told,) = estimate([work(measured("s", 10_000, line))], learnt).steps
    took = measured("s", 10_000, line).seconds
    assert told.seconds == pytest.approx(took, rel=0.03, abs=0.002)
    assert told.low <= took <= told.high
    assert told.basis == "step"


def test_many_steps_with_noise_are_told_within_thirty_percent_together() -> None:
    chance = random.Random(5)
    lines = {f"4.0.0/data/{number}": chance.choice(LINES[1:]) for number in range(200)}
    noisy = lambda apis: [measured(step, apis, line, chance.gauss(0, 0.15)) for step, line in lines.items()]  # noqa: E731
    actual = noisy(10_000)
    told = estimate([work(each) for each in actual], [noisy(500), noisy(2000)])
    took = sum(each.seconds for each in actual)
    assert told.seconds == pytest.approx(took, rel=0.3)
    assert told.low < took < told.high
    assert told.rehearsals == 2
    assert told.source == "2 rehearsals"


def test_rows_and_bytes_are_told_apart_where_rehearsals_do() -> None:
    learnt = [
        Measured("s", "migrate", 1.0 + 0.001 * rows + 1e-8 * size, rows, size)
        for rows, size in ((1000, 10**6), (1000, 10**9), (50_000, 10**6), (9000, 10**8))
    ]
    line = fit(learnt)
    assert (line.fixed, line.by_row, line.by_byte) == pytest.approx((1.0, 0.001, 1e-8), rel=1e-3)


def test_nothing_is_ever_told_to_take_less_for_more() -> None:
    falling = [Measured("s", "migrate", 5.0, 100, 10_000), Measured("s", "migrate", 1.0, 1000, 100_000)]
    line = fit(falling)
    assert min(line.fixed, line.by_row, line.by_byte) >= 0
    (told,) = estimate([Work("s", "migrate", 10_000, 10**6)], [falling]).steps
    assert told.low > 0
    assert told.high <= told.seconds * 2


def test_one_size_grows_with_the_volume_and_is_trusted_less() -> None:
    one = [Measured("s", "migrate", 2.005, 1000, 10**8)]
    two = [*one, Measured("s", "migrate", 4.005, 2000, 2 * 10**8)]
    (from_one,) = estimate([Work("s", "migrate", 10_000, 10**9)], [one]).steps
    (from_two,) = estimate([Work("s", "migrate", 10_000, 10**9)], [two]).steps
    assert from_one.seconds == pytest.approx(20.0, rel=0.01)
    assert from_one.high > from_two.high
    nothing = [Measured("s", "expand", 0.3, 0, 0), Measured("s", "expand", 0.5, 0, 0)]
    assert fit(nothing).at(10**6, 10**9) == pytest.approx(0.4)


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("schema/am/contract/am_api/foreign-keys", "schema/contract/foreign-keys"),
        ("schema/shared/contract/um_user", "schema/contract"),
        ("schema/shared/expand/seed-rows", "schema/expand/seed-rows"),
        ("value-fills/am_api", "value-fills"),
        ("prepare/am/count-rows", "prepare/count-rows"),
        ("copy/am", "copy"),
        ("4.5.0/identity/oidc-scopes", "identity/oidc-scopes"),
        ("finish/reindex", "finish/reindex"),
    ],
)
def test_steps_whose_names_differ_are_of_one_kind(step: str, kind: str) -> None:
    assert kind_of(step) == kind


def test_what_no_rehearsal_has_is_told_from_its_kind_then_the_benchmark_then_its_phase() -> None:
    learnt = [[Measured("4.2.0/identity/oidc-scopes", "migrate", 1.0, 100, 10**6)]]
    steps = estimate(
        [
            Work("4.5.0/identity/oidc-scopes", "migrate", 100, 10**6),
            Work("prove", "prove", 100, 10**8),
            Work("9.9.9/never/heard-of", "migrate", 100, 10**6),
            Work("9.9.9/never/heard-of", "contract", 100, 10**6),
        ],
        learnt,
    ).steps
    assert [each.basis for each in steps] == ["kind", "benchmark", "phase", "phase"]
    assert steps[0].seconds == pytest.approx(1.0)
    assert all(0 < each.low < each.seconds < each.high for each in steps)
    assert steps[2].high / steps[2].low > steps[0].high / steps[0].low


def test_the_benchmark_model_knows_every_phase_and_is_called_by_its_name() -> None:
    phases = {each.phase for each in benchmark_model()}
    assert phases == {"check", "copy", "prepare", "expand", "migrate", "contract", "finish", "prove"}
    told = estimate([Work("check", "check", 100, 10**8), Work("copy/am", "copy", 0, 10**8)], [])
    assert told.rehearsals == 0
    assert "benchmark model" in told.source
    document = told.as_json()
    assert [each["step"] for each in document["steps"]] == ["check", "copy/am"]
    assert document["phases"]["copy"]["low"] < document["phases"]["copy"]["high"]
    assert document["seconds"] == pytest.approx(sum(each["seconds"] for each in document["steps"]), abs=0.01)
