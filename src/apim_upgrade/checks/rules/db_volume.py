"""Rules about rows that only cost time, DB030 to DB039: old tokens, sessions, logs, copies of revisions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC

from sqlalchemy import and_, case, func, or_, select

from apim_upgrade.checks.model import Finding, Repair, Row, Severity
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import size
from apim_upgrade.checks.subject import Subject
from apim_upgrade.databases.expressions import epoch
from apim_upgrade.registry import REVISIONS
from apim_upgrade.tables.identity import ACCESS_TOKEN
from apim_upgrade.tables.registry import PATH

_USABLE = "ACTIVE"
_MANY = 1_000_000
"""So many rows make an upgrade noticeably longer."""
_LARGE = 1_000_000_000
_SPARE_SECONDS = 30 * 24 * 3600
"""A token that ended longer ago than this is missed by nobody."""


@rule(
    "DB030",
    Severity.MINOR,
    title="tokens that nobody can use any more",
    problems=("db-token-tables-huge",),
)
def stale_tokens(subject: Subject) -> Iterator[Finding]:
    """
    What: IDN_OAUTH2_ACCESS_TOKEN holds tokens that are revoked, expired, inactive, or ended more than thirty days ago.

    Why: Every one of them is copied, re-indexed and checked. In old estates they are most of the rows of both
    databases, and most of the time of an upgrade.

    How found: Tokens are counted by state, and those whose validity and whose refresh token's ended long ago. Tokens
    without end (negative validity) are never counted as stale. More than a million is minor, fewer is information.

    How to mend: Let the old server's token clean-up take them before the upgrade, or delete them in batches (children
    first: IDN_OAUTH2_ACCESS_TOKEN_SCOPE, IDN_OAUTH2_TOKEN_BINDING). Keep those whose VALIDITY_PERIOD is negative.
    """
    home = subject.home("identity")
    subject.saw_rows("tokens", home, ACCESS_TOKEN.name)
    name, session = ACCESS_TOKEN.c, subject.sessions[home]
    past, seconds = _long_ago(subject), epoch(name.time_created)
    ended = and_(
        name.validity_period >= 0,
        seconds + name.validity_period / 1000 < past,
        or_(
            name.refresh_token_validity_period.is_(None),
            and_(
                name.refresh_token_validity_period >= 0,
                epoch(func.coalesce(name.refresh_token_time_created, name.time_created))
                + name.refresh_token_validity_period / 1000
                < past,
            ),
        ),
    )
    counts = select(
        func.count().label("tokens"),
        func.count(case((name.token_state != _USABLE, 1))).label("inactive"),
        func.count(case((and_(name.token_state == _USABLE, ended), 1))).label("ended"),
    ).select_from(ACCESS_TOKEN)
    (row,) = session.all(counts)
    stale = row.inactive + row.ended
    if stale:
        whole = subject.facts[home][ACCESS_TOKEN.name].size
        yield Finding(
            f"{stale:,} of {row.tokens:,} tokens cannot be used any more ({row.inactive:,} not active, {row.ended:,} "
            f"ended long ago); of {size(whole)} of the table they take about {size(whole * stale // row.tokens)}.",
            place=Row(home, ACCESS_TOKEN.name.upper(), "TOKEN_STATE"),
            item="tokens",
            severity=Severity.MINOR if stale > _MANY else Severity.INFO,
        )


def _long_ago(subject: Subject) -> int:
    return int(subject.now.replace(tzinfo=UTC).timestamp()) - _SPARE_SECONDS


@dataclass(frozen=True, slots=True)
class _Housekeeping:
    """A table whose rows may go, and what that means."""

    table: str
    home: str
    next: str
    automatic: bool = False
    """The upgrade does it."""


_TABLES = (
    _Housekeeping("idn_auth_session_store", "identity", "Empty it while the servers are down: users log in again."),
    _Housekeeping("idn_auth_temp_session_store", "identity", "Empty it while the servers are down; nobody notices."),
    _Housekeeping("idn_oauth2_access_token_audit", "identity", "Archive it if you must keep it, then empty it."),
    _Housekeeping("idn_oauth2_authorization_code", "identity", "Delete codes that are older than a day."),
    _Housekeeping("am_revoked_jwt", "am", "Delete rows whose EXPIRY_TIMESTAMP is over."),
    _Housekeeping(
        "am_api_lc_event", "am", "Keep it as long as the life-cycle history is wanted; it may be thinned out."
    ),
    _Housekeeping("reg_log", "shared", "Nothing has to be done: the upgrade keeps one line for each resource.", True),
)


@rule(
    "DB031",
    Severity.MINOR,
    title="sessions, audits and logs that make the upgrade longer",
    problems=("db-token-tables-huge",),
)
def housekeeping_rows(subject: Subject) -> Iterator[Finding]:
    """
    What: Tables of sessions, audits, codes and logs are large.

    Why: Their rows are copied and their indexes made anew, and most of them have served their time.

    How found: Sizes and rows as the server keeps them. More than a million rows or a gigabyte is told as minor; fewer
    than ten thousand rows are not told. Old versions of resources are told by REG010.

    How to mend: What the finding says of each table. Do it in the old release, with its servers stopped or by its own
    clean-up tasks.
    """
    for each in _TABLES:
        home = subject.home(each.home)
        facts = subject.facts[home].get(each.table)
        if facts is None:
            continue
        subject.saw("tables")
        rows = subject.rows_of(home, each.table) if facts.size < _LARGE else facts.rows
        if rows > _WORTH_TELLING:
            large = rows > _MANY or facts.size > _LARGE
            yield Finding(
                f"{each.table.upper()} has {rows:,} rows in {size(facts.size)}.",
                each.next,
                Row(home, each.table.upper()),
                severity=Severity.MINOR if large and not each.automatic else Severity.INFO,
                repair=Repair.AUTOMATIC if each.automatic else None,
            )


_WORTH_TELLING = 10_000


@rule(
    "DB032",
    Severity.MINOR,
    title="copies of revisions that the search index has to read",
    source_since="4.0.0",
    problems=("idx-revisions-indexed",),
)
def copies_of_revisions(subject: Subject) -> Iterator[Finding]:
    """
    What: The registry holds a folder with a copy of the API for every revision.

    Why: After the upgrade the whole index is built anew, and up to some update level every copy is read as well. With
    five revisions an API that takes six times as long, and APIs appear in the portals only then.

    How found: Folders of revisions in REG_PATH, beside the number of APIs.

    How to mend: Delete revisions that are not deployed any more in the old release, or take a recent update level of
    the target, which passes them over.
    """
    name = PATH.c.reg_path_value
    query = (
        select(func.count()).select_from(PATH).where(name.like(f"{REVISIONS}/%/%"), ~name.like(f"{REVISIONS}/%/%/%"))
    )
    copies = int(subject.shared.all(query)[0][0])
    subject.saw("revisions", copies)
    if copies:
        yield Finding(
            f"{copies:,} copies of revisions are indexed beside {len(subject.apis):,} APIs.",
            place=Row("shared", "REG_PATH", "REG_PATH_VALUE"),
            item="revisions",
            severity=Severity.MINOR if copies > _MANY_COPIES else Severity.INFO,
        )


_MANY_COPIES = 20_000
