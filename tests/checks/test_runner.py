"""Rules are carried out one by one, read only; whatever one does, the others still speak."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from apim_upgrade.checks import (
    Baseline,
    Finding,
    Repair,
    Report,
    Row,
    Rule,
    Severity,
    Spot,
    Subject,
    all_rules,
    check,
    open_subject,
    read_baseline,
    selected,
)
from apim_upgrade.checks.rule import Window, rule
from apim_upgrade.checks.runner import KEPT
from apim_upgrade.engine import Event, StepFinished, StepProgress, StepStarted
from apim_upgrade.errors import EnvironmentProblem, KnowledgeError, ProjectError
from apim_upgrade.estate import read_estate
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project.checking import CheckChoices
from apim_upgrade.releases import Release
from checks.planting import NOW
from conftest import Pair, Server, kept_sample

Function = Callable[[Subject], Iterator[Finding]]


def made(code: str, function: Function, severity: Severity = Severity.MAJOR, **more: Any) -> Rule:
    values: dict[str, Any] = {"window": Window(), "needs": (), "kinds": (), "problems": (), "sources": (), **more}
    told = ("What.", "Why.", "How found.", "Mend it. And more.")
    return Rule(code, severity, f"title of {code}", Repair.MANUAL, function, *told, **values)


def three(subject: Subject) -> Iterator[Finding]:
    subject.expects(3)
    for number in range(3):
        subject.saw("things")
        yield Finding(f"Thing {number} is wrong.", place=Row("am", "AM_API", "STATUS", f"API_ID={number}"))


def writing(subject: Subject) -> Iterator[Finding]:
    subject.am.execute("UPDATE am_api SET api_name = api_name")
    yield Finding("It was written.")


def missing_table(subject: Subject) -> Iterator[Finding]:
    subject.am.all("SELECT * FROM am_no_such_table")
    yield Finding("Never.")


def broken(subject: Subject) -> Iterator[Finding]:
    yield Finding("Something before.")
    raise ValueError("a slip")


@pytest.fixture
def carry_out(databases: Server) -> Callable[..., Report]:
    pair = kept_sample(databases, "4.2.0")
    estate = read_estate(pair.by_name(), "4.2.0")

    def run(*rules: Rule, baseline: Baseline | None = None, listener: Any = lambda event: None) -> Report:
        with open_subject(pair.by_name(), estate, Release.parse("4.4.0"), Choices(), CheckChoices()) as subject:
            subject.now = NOW
            return check(subject, rules, baseline=baseline or Baseline(), listener=listener)

    return run


def test_a_rule_that_writes_fails_and_changes_nothing(carry_out: Callable[..., Report]) -> None:
    report = carry_out(made("DB901", writing), made("DB902", three))
    (unchecked,) = report.unchecked
    assert unchecked.rule.code == "DB901"
    assert "read only" in unchecked.reason
    assert [each.code for each in report.findings] == ["DB902"] * 3
    assert report.exit_code(Severity.BLOCKER) == 2


def test_rules_that_fail_never_stop_the_others(carry_out: Callable[..., Report]) -> None:
    report = carry_out(made("DB901", missing_table), made("DB902", broken), made("DB903", three))
    assert [(each.rule.code, each.reason) for each in report.unchecked] == [
        ("DB901", 'the database lacks a table: relation "am_no_such_table" does not exist.'),
        ("DB902", "a fault of the rule itself, ValueError: a slip"),
    ]
    assert report.total == 4
    assert report.looked_at == {"things": 3}


def test_a_report_says_how_bad_it_is(carry_out: Callable[..., Report]) -> None:
    report = carry_out(made("DB901", three), made("ENV901", three, Severity.INFO))
    assert [report.exit_code(severity) for severity in Severity] == [1, 1, 1, 0]
    assert [each.code for each in report.findings] == ["DB901"] * 3 + ["ENV901"] * 3
    first = report.findings[0]
    assert first.next == "Mend it."
    assert (first.item, str(first.place)) == ("am.AM_API.STATUS (API_ID=0)",) * 2
    assert len({each.fingerprint for each in report.findings}) == 6
    assert carry_out().exit_code(Severity.INFO) == 0


def test_a_rule_may_not_give_worse_than_it_says(carry_out: Callable[..., Report]) -> None:
    def worse(subject: Subject) -> Iterator[Finding]:
        yield Finding("Too bad.", severity=Severity.BLOCKER)

    (unchecked,) = carry_out(made("DB901", worse, Severity.MINOR)).unchecked
    assert "worse than its own minor" in unchecked.reason


def test_very_many_findings_are_counted_and_some_kept(carry_out: Callable[..., Report]) -> None:
    def many(subject: Subject) -> Iterator[Finding]:
        yield from (Finding(f"Row {number}.", item=str(number)) for number in range(KEPT + 50))

    report = carry_out(made("DB901", many))
    assert (len(report.findings), report.total, report.tallies[0].found) == (KEPT, KEPT + 50, KEPT + 50)


def test_rules_that_do_not_concern_the_jump_are_left_out(carry_out: Callable[..., Report]) -> None:
    report = carry_out(
        made("DB901", three, window=Window(since=Release.parse("4.1.0"))),
        made("DB902", three, kinds=("mysql",)),
        made("DB903", three, needs=("truststore",)),
        made("DB904", three, window=Window(source_since=Release.parse("4.2.0"), target_since=Release.parse("4.4.0"))),
    )
    assert {each.rule.code: each.missing_input for each in report.left_out} == {
        "DB901": False,
        "DB902": False,
        "DB903": True,
    }
    assert report.left_out[2].reason == "options.truststore of upgrade.toml is not given"


@pytest.mark.parametrize(
    ("window", "source", "target", "admitted"),
    [
        ({"since": "4.1.0"}, "4.0.0", "4.1.0", True),
        ({"since": "4.1.0"}, "4.1.0", "4.7.0", False),
        ({"until": "4.3.0"}, "4.0.0", "4.2.0", True),
        ({"until": "4.3.0"}, "4.0.0", "4.3.0", False),
        ({"source_until": "4.0.0"}, "3.2.0", "4.0.0", True),
        ({"source_until": "4.0.0"}, "4.0.0", "4.1.0", False),
        ({"source_since": "4.0.0"}, "3.2.0", "4.1.0", False),
        ({"target_since": "4.5.0"}, "4.5.0", "4.6.0", True),
        ({"target_since": "4.5.0"}, "4.2.0", "4.4.0", False),
    ],
)
def test_a_window_admits_jumps(window: dict[str, str], source: str, target: str, admitted: bool) -> None:
    made_window = Window(**{name: Release.parse(text) for name, text in window.items()})
    assert made_window.admits(Release.parse(source), Release.parse(target)) is admitted
    assert next(iter(window.values())) in made_window.words()
    assert Window().words() == "Every upgrade"


def test_progress_is_told_with_what_is_to_come(carry_out: Callable[..., Report]) -> None:
    events: list[Event] = []
    carry_out(made("DB901", three), listener=events.append)
    started = [event for event in events if isinstance(event, StepStarted)]
    assert [(event.position, event.total, event.expected) for event in started] == [(1, 1, None), (1, 1, 3)]
    assert [event.seen for event in events if isinstance(event, StepProgress)] == [1, 2, 3]
    assert isinstance(events[-1], StepFinished)


def test_a_lost_connection_ends_the_check(sample_estate: Callable[..., Pair], databases: Server) -> None:
    pair = sample_estate("4.2.0")

    def killed(subject: Subject) -> Iterator[Finding]:
        with databases.postgres.connect() as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (pair.am.address.database,)
            )
        subject.am.all("SELECT 1")
        yield Finding("Never.")

    estate = read_estate(pair.by_name(), "4.2.0")
    with (
        pytest.raises(EnvironmentProblem, match="lost"),
        open_subject(pair.by_name(), estate, Release.parse("4.4.0"), Choices(), CheckChoices()) as subject,
    ):
        check(subject, [made("DB901", killed)], baseline=Baseline(), listener=lambda event: None)


def test_a_baseline_accepts_for_a_time(carry_out: Callable[..., Report], tmp_path: Path) -> None:
    file = tmp_path / "baseline.toml"
    file.write_text(
        """
        [[accept]]
        code = "REG001"
        item = "carbon.super/Old*"
        reason = "Retired."
        expires = 2026-03-01
        [[accept]]
        code = "REG002"
        reason = "Known."
        expires = 2026-02-28
        [[accept]]
        code = "DB001"
        reason = "Long gone."
        """,
        encoding="utf-8",
    )

    def old(subject: Subject) -> Iterator[Finding]:
        yield Finding("Old.", item="carbon.super/OldPizza/1.0")
        yield Finding("New.", item="carbon.super/Pizza/1.0")

    def none(subject: Subject) -> Iterator[Finding]:
        yield from ()

    baseline = read_baseline(file, all_rules(), NOW.date())
    report = carry_out(made("REG001", old), made("REG002", old), made("DB001", none), baseline=baseline)
    assert [(each.code, each.item) for each in report.findings] == [
        ("REG001", "carbon.super/Pizza/1.0"),
        ("REG002", "carbon.super/OldPizza/1.0"),
        ("REG002", "carbon.super/Pizza/1.0"),
    ]
    assert [(each.code, each.reason) for each in report.accepted] == [("REG001", "Retired.")]
    assert report.remarks == (
        "accepted until 2026-02-28, counts again: REG002 for '*' (Known.)",
        "accepted, but no longer found: DB001 for '*' (Long gone.); take it out of the baseline",
    )


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[accept]]\ncode = "REG001"', "accept.0.reason: Field required"),
        ('[[accept]]\ncode = "REG"\nreason = "x"', "rules that do not exist: REG"),
        ('[[accept]]\ncode = "REG001"\nreason = "x"\nuntil = 2026-01-01', "accept.0.until"),
        ("[[accept]", "is not TOML"),
        (None, "cannot be read"),
    ],
)
def test_a_wrong_baseline_is_refused(tmp_path: Path, text: str | None, told: str) -> None:
    file = tmp_path / "baseline.toml"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    with pytest.raises(ProjectError, match=told):
        read_baseline(file, all_rules(), NOW.date())


def test_the_longest_beginning_decides() -> None:
    rules = [made(code, three) for code in ("DB001", "DB002", "REG001", "REG011")]

    def codes(select: list[str], ignore: list[str]) -> list[str]:
        return [each.code for each in selected(rules, select, ignore)]

    assert codes([], []) == ["DB001", "DB002", "REG001", "REG011"]
    assert codes(["reg"], []) == ["REG001", "REG011"]
    assert codes(["REG,DB001"], ["REG00"]) == ["DB001", "REG011"]
    assert codes(["REG001"], ["REG"]) == ["REG001"]
    assert codes(["ALL"], ["DB"]) == ["REG001", "REG011"]
    with pytest.raises(ProjectError, match="--ignore: no rule begins with XYZ"):
        codes([], ["XYZ"])


def test_a_rule_without_a_page_or_with_a_wrong_code_is_a_bug() -> None:
    def silent(subject: Subject) -> Iterator[Finding]:
        """What: Only this."""
        yield from ()

    with pytest.raises(KnowledgeError, match="lacks Why, How found, How to mend"):
        rule("DB999", Severity.INFO, title="x")(silent)
    with pytest.raises(KnowledgeError, match="no code"):
        rule("XX1", Severity.INFO, title="x")(silent)
    with pytest.raises(KnowledgeError, match="cannot be given"):
        rule("DB999", Severity.INFO, title="x", needs=("moon",))(silent)
    all_rules()
    with pytest.raises(KnowledgeError, match="Two rules have the code DB001"):
        rule("DB001", Severity.INFO, title="x")(silent)
    (taken,) = [each for each in all_rules() if each.code == "DB001"]
    silent.__doc__, silent.__qualname__ = taken.function.__doc__, taken.function.__qualname__
    with pytest.raises(KnowledgeError, match="Two rules have the code DB001"):
        rule("DB001", Severity.INFO, title="x")(silent)


def test_places_can_be_read() -> None:
    assert str(Spot("/a/swagger.json", "/paths", 4)) == "/a/swagger.json#/paths, line 4"
    assert str(Row("am", "AM_API")) == "am.AM_API"


def test_a_rule_that_leaves_a_stream_half_way_spoils_nothing(carry_out: Callable[..., Report]) -> None:
    kept = []

    def half_way(subject: Subject) -> Iterator[Finding]:
        rows = subject.am.stream("SELECT api_id FROM am_api", batch=1)
        kept.append(rows)
        next(rows)
        yield Finding("One.")
        raise ValueError("a slip")

    report = carry_out(made("DB901", half_way), made("DB902", half_way), made("DB903", three))
    assert [each.rule.code for each in report.unchecked] == ["DB901", "DB902"]
    assert [each.code for each in report.findings if each.code == "DB903"] == ["DB903"] * 3
    assert len(kept) == 2
