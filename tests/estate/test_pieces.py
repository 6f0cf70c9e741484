"""Databases that are kept apart: each is what it is said to be, or refused in a sentence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from apim_upgrade.databases import Database
from apim_upgrade.errors import EstateError
from apim_upgrade.estate import read_estate
from conftest import Pair
from execution.site import change
from upgrade.split import split

__all__ = ["split"]
Make = Callable[[str], Pair]
Split = Callable[..., Pair]


def test_an_estate_in_pieces_holds_what_it_holds_in_two(real_estate: Make, split: Split) -> None:
    for release in ("3.2.0", "4.5.0"):
        one = read_estate(real_estate(release).by_name())
        pieces = read_estate(split(real_estate(release), "identity", "user", "config").by_name())
        assert [facts.name for facts in pieces.databases] == ["am", "shared", "identity", "user", "config"]
        assert (pieces.release, pieces.warnings) == (one.release, ())
        assert (pieces.tokens, pieces.token_states) == (one.tokens, one.token_states)
        assert all(facts.own_tables == () for facts in pieces.databases)
        assert sum(facts.tables for facts in pieces.databases) == sum(facts.tables for facts in one.databases) + 17
        before = {facts.tenant: facts for facts in one.contents}
        for facts in pieces.contents:
            # Both registries have a root and a folder /_system of their own.
            assert facts.resources == before[facts.tenant].resources + 2
            assert (facts.apis, facts.key_managers) == (before[facts.tenant].apis, before[facts.tenant].key_managers)


def test_tables_that_are_kept_apart_have_to_be_named(real_estate: Make, split: Split) -> None:
    pieces = split(real_estate("4.2.0"), "identity", "user").by_name()
    with pytest.raises(EstateError, match=r"Database am .* holds no tables of identity \(IDN_\*, SP_\* …\)") as caught:
        read_estate({name: pieces[name] for name in ("am", "shared", "user")})
    assert "[database.identity]" in caught.value.hint
    with pytest.raises(EstateError, match=r"Database shared .* holds no tables of user"):
        read_estate({name: pieces[name] for name in ("am", "shared", "identity")})


def test_a_database_of_something_else_is_told(real_estate: Make, split: Split) -> None:
    pieces = split(real_estate("4.2.0/fresh"), "user").by_name()
    wrong = Database("user", pieces["am"].address)
    with pytest.raises(EstateError, match=r"Database user .* is not the database of user management of API-M"):
        read_estate({**pieces, "user": wrong})


def test_a_database_that_no_server_used_is_told(real_estate: Make, split: Split) -> None:
    for name in ("identity", "user", "config"):
        pair = real_estate("4.2.0/fresh")
        pieces = split(pair, name, whole=True)
        if name == "config":
            change(pieces.apart[name], "TRUNCATE reg_path CASCADE")
        else:
            change(pieces.apart[name], f"TRUNCATE {'idn_claim_dialect' if name == 'identity' else 'um_domain'} CASCADE")
        with pytest.raises(EstateError, match=f"Database {name} .* was never used by a server: .* is empty") as caught:
            read_estate(pieces.by_name())
        assert f"remove [database.{name}]" in caught.value.hint


def test_tables_in_both_places_are_told_and_rows_in_the_wrong_one_refused(real_estate: Make, split: Split) -> None:
    pieces = split(real_estate("4.2.0"), "user", whole=True)
    assert read_estate(pieces.by_name()).warnings == (
        "database shared holds 34 tables of user too (um_account_mapping, um_claim, um_claim_behavior, …); "
        "those in database user are upgraded, these are left alone",
    )
    change(pieces.shared, "INSERT INTO um_domain (um_domain_name, um_tenant_id) VALUES ('HERE', 1)")
    assert len(read_estate(pieces.by_name()).warnings) == 1
    change(pieces.apart["user"], "DROP TABLE um_hybrid_remember_me")
    change(pieces.shared, "INSERT INTO um_hybrid_remember_me (um_user_name) VALUES ('kim')")
    with pytest.raises(EstateError, match="Tables of user lie in two databases: shared has rows in um_hybrid_rem"):
        read_estate(pieces.by_name())


def test_parts_of_different_releases_are_refused(real_estate: Make, split: Split) -> None:
    older = split(real_estate("3.2.0"), "identity", "config").by_name()
    newer = split(real_estate("4.5.0"), "identity", "config").by_name()
    with pytest.raises(EstateError, match="Database am is half upgraded or altered"):
        read_estate({**newer, "identity": older["identity"]})
    with pytest.raises(EstateError, match=r"am is of 4\.5\.0, but config has the schema of "):
        read_estate({**newer, "config": older["config"]})
