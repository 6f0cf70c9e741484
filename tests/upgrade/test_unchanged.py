"""What an upgrade must leave alone: every text, file and field that no step changes on purpose."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable
from xml.sax.saxutils import escape

import pytest
from sqlalchemy import text as sql

from conftest import Pair
from upgrade.conftest import Upgraded, Upgrading
from upgrade.test_real_estates import PAIRS
from upgrade.views import (
    API_TYPE,
    PROVIDERS,
    REVISIONS,
    GatewayArtifact,
    Resource,
    artifacts,
    domains,
    fields,
    gateway_artifacts,
    registry,
    rows,
    tables,
)

EDITED_FILES = (
    (r"provider/[^/]+/[^/]+/[^/]+/api", "artifacts: see the test of their fields"),
    (r"customsequences/fault/(debug_)?json_fault\.xml", "3.2.0 names a class there that 4.0.0 no longer has"),
    (r"org\.wso2\.carbon\.governance/types/api\.rxt", "the target's fields"),
    (r"org\.wso2\.carbon\.governance/configuration/api", "the same, as the management console keeps it"),
)
"""End of the path → why its content may change."""

ADDED_FILES = (
    (r"applicationdata/apis(/[0-9a-f-]{36}(/1(/.*)?)?)?", "the first revisions"),
    (r"provider/[^/]+/[^/]+/[^/]+/asyncapi\.json", "the definition of a WebSocket API"),
    (r"provider/[^/]+/[^/]+/[^/]+/[^/]+\.wsdl", "the WSDL, copied from its place of 3.2.0"),
)
"""End of the path → why an upgrade from before 4.0.0 may write it; from 4.0.0 on nothing is new."""

EDITED_FIELDS: dict[str, tuple[str, Callable[[list[str] | None, list[str]], bool]]] = {
    "overview/versionComparable": ("4.1.0", lambda old, new: not old and bool(re.fullmatch(r"\d{13}", new[0]))),
    "overview/wsUriMapping": ("4.0.0", lambda old, new: not old and new == ["{}"]),
    "overview/wsdl": ("4.0.0", lambda old, new: "/applicationdata/provider/" in new[0]),
    "overview/thumbnail": ("4.0.0", lambda old, new: "/applicationdata/provider/" in new[0]),
    "overview/productionTimeUnit": ("4.5.0", lambda old, new: not any(old or ()) and new == ["1000"]),
    "overview/sandboxTimeUnit": ("4.5.0", lambda old, new: not any(old or ()) and new == ["1000"]),
}
"""Field of an artifact → the release that brings it, and what may become of it."""

CHANGED_COLUMNS = {
    "reg_content.reg_content_data": "compared file by file",
    "am_system_configs.configuration": "the target's scopes and keys are added",
    "idn_oauth2_scope.display_name": "OpenID Connect scopes get their names of 4.2.0",
    "idn_oauth2_scope.description": "the same",
    "am_api_product_mapping.url_mapping_id": "a product has operations of its own from 4.0.0 on",
}
"""``table.column`` → why the values in it may change; all other columns of its rows may not."""

GONE = {
    "am_labels": "they are gateway environments from 4.0.0 on",
    "am_label_urls": "the same",
    "am_subscription_key_mapping": "empty, and gone in 4.0.0",
    "am_gw_api_artifacts": "3.2.0's cache of another form",
    "am_api_categories.tenant_id": "organization",
    "am_api_comments.commented_user": "created_by",
    "am_api_comments.date_commented": "created_time",
    "am_application_attributes.value": "app_attribute",
    "am_block_conditions.value": "block_condition",
    "am_gateway_environment.tenant_domain": "organization",
    "am_key_manager.tenant_domain": "organization",
}
"""Tables and columns that releases dropped, and what holds their data instead."""

pairs = pytest.mark.parametrize(("source", "target"), PAIRS)
Upgrades = Callable[[str, str], Upgraded]


def _is_one_of(path: str, patterns: tuple[tuple[str, str], ...]) -> bool:
    return any(re.search(f"/{pattern}$", path) for pattern, _ in patterns)


def _about(resource: Resource) -> tuple[object, ...]:
    return (
        resource.is_folder,
        resource.media_type,
        resource.uuid,
        resource.description,
        resource.properties,
        resource.tags,
        resource.times,
    )


@pairs
def test_every_registry_resource_is_byte_for_byte_what_it_was_unless_a_step_edits_it(
    source: str, target: str, upgraded: Upgrades
) -> None:
    estate = upgraded(source, target)
    before, after = registry(estate.before.shared), registry(estate.after.shared)

    assert [place for place in before if place not in after] == []
    assert [place for place in before if _about(before[place]) != _about(after[place])] == []
    changed = [place for place in before if before[place].content != after[place].content]
    assert [place for place in changed if not _is_one_of(place[1], EDITED_FILES)] == []
    added = [place for place in after if place not in before]
    assert [place for place in added if source >= "4.0.0" or not _is_one_of(place[1], ADDED_FILES)] == []


@pairs
def test_artifacts_keep_every_field_but_those_that_the_releases_in_between_bring(
    source: str, target: str, upgraded: Upgrades
) -> None:
    estate = upgraded(source, target)
    before, after = artifacts(estate.before.shared), artifacts(estate.after.shared)
    assert len(before) >= 42

    wrong = []
    for place, old in before.items():
        new = after[place]
        for name in old.keys() | new.keys():
            if old.get(name) == new.get(name):
                continue
            since, allowed = EDITED_FIELDS.get(name, ("9.9.9", lambda old, new: False))
            if not (source < since <= target and allowed(old.get(name), new.get(name, [""]))):
                wrong.append((place, name, old.get(name), new.get(name)))
    assert wrong == []


@pairs
@pytest.mark.parametrize("part", ["am", "shared"])
def test_no_row_is_lost_or_altered_in_any_table(source: str, target: str, part: str, upgraded: Upgrades) -> None:
    estate = upgraded(source, target)
    before, after = estate.before.by_name()[part], estate.after.by_name()[part]
    left = set(tables(after))
    websocket = (
        {row["api_id"] for row in rows(before, "SELECT api_id FROM am_api WHERE api_type = 'WS'")}
        if part == "am"
        else set()
    )
    seen = 0
    for table in tables(before):
        if table == "reg_log" or (table in GONE and table not in left):
            continue  # the log is cleaned on purpose
        old, new = rows(before, f'SELECT * FROM "{table}"'), rows(after, f'SELECT * FROM "{table}"')
        if not old:
            continue
        columns = [name for name in old[0] if f"{table}.{name}" not in CHANGED_COLUMNS]
        if new:
            assert {f"{table}.{name}" for name in old[0].keys() - new[0].keys()} <= GONE.keys()
            columns = [name for name in columns if name in new[0]]
        if table == "am_api_url_mapping" and source < "4.0.0":
            old = [row for row in old if row["api_id"] not in websocket]  # they get one operation per topic
        seen += len(old)
        assert _content(table, columns, old) - _content(table, columns, new) == Counter(), table
    assert seen > 2000


def _content(table: str, columns: list[str], found: list[dict[str, object]]) -> Counter[tuple[object, ...]]:
    # Texts that 4.6.0 stores as bytes say the same; an operation without scheme is one for any.
    unset: dict[str, object] = {"auth_scheme": b"Any"} if table == "am_api_url_mapping" else {}
    return Counter(
        tuple(
            unset.get(name) if row[name] is None else each.encode() if isinstance(each := row[name], str) else each
            for name in columns
        )
        for row in found
    )


@pairs
def test_revisions_that_were_there_are_not_touched(source: str, target: str, upgraded: Upgrades) -> None:
    estate = upgraded(source, target)
    before, after = registry(estate.before.shared), registry(estate.after.shared)
    revisions = [place for place in before if place[1].startswith(REVISIONS)]
    assert bool(revisions) == (source >= "4.0.0")
    assert [place for place in revisions if before[place] != after[place]] == []
    query = "SELECT api_id, revision_id, artifact FROM am_gw_api_artifacts ORDER BY 1, 2"
    if revisions:
        assert rows(estate.after.am, query) == rows(estate.before.am, query)


def test_the_first_revisions_are_copies_of_the_working_copies(upgraded: Upgrades) -> None:
    estate = upgraded("3.2.0", "4.7.0")
    resources = registry(estate.after.shared)
    owner = {row["api_uuid"]: row for row in rows(estate.after.am, "SELECT * FROM am_api")}
    revisions = rows(estate.after.am, "SELECT * FROM am_revision")
    assert len(revisions) == 30

    working = {
        resource.uuid: (tenant, path.removesuffix("/api"))
        for (tenant, path), resource in resources.items()
        if resource.media_type == API_TYPE and path.startswith(PROVIDERS)
    }
    for revision in revisions:
        tenant, folder = working[revision["api_uuid"]]
        copy = f"{REVISIONS}{revision['api_uuid']}/{revision['id']}"
        assert resources[tenant, f"{copy}/api"].uuid == revision["revision_uuid"]
        originals = {
            path.removeprefix(folder): resource
            for (of, path), resource in resources.items()
            if of == tenant and path.startswith(f"{folder}/")
        }
        copies = {
            path.removeprefix(copy): resource
            for (of, path), resource in resources.items()
            if of == tenant and path.startswith(f"{copy}/")
        }
        assert originals.keys() == copies.keys()
        for name, original in originals.items():
            twin = copies[name]
            assert twin.uuid != original.uuid
            assert (twin.media_type, twin.content, twin.tags) == (original.media_type, original.content, original.tags)
            assert twin.properties == original.properties
        assert owner[revision["api_uuid"]]["status"] not in ("CREATED", "RETIRED")


@pairs
def test_text_of_any_script_survives_in_every_table(source: str, target: str, upgraded: Upgrades) -> None:
    """Values beyond ASCII are compared as a whole: none gone, none new, none mangled."""
    estate = upgraded(source, target)
    for before, after in zip(estate.before.by_name().values(), estate.after.by_name().values(), strict=True):
        old, new = _foreign(before), _foreign(after)
        if source >= "4.0.0":  # later sources have texts and no new copies of them
            assert old == new
        assert old.keys() == new.keys()
    assert source == "3.2.0" or sum(_foreign(estate.before.am).values()) > 10


def _foreign(database: object) -> Counter[str]:
    found: Counter[str] = Counter()
    for table in tables(database):  # type: ignore[arg-type]
        if table == "reg_log":
            continue  # cleaned on purpose
        for row in rows(database, f'SELECT * FROM "{table}"'):  # type: ignore[arg-type]
            found.update(
                value
                for value in row.values()
                if isinstance(value, str) and not value.isascii() and "\ufffd" not in value
            )
    return found


def test_text_of_any_script_reaches_revisions_and_gateways(
    real_estate: Callable[[str], Pair], upgrading: Callable[..., Upgrading]
) -> None:
    """The estate of 3.2.0 is plain ASCII; this one is not."""
    text = 'Zürich & "Ελλάδα" <旅行> עברית 🚆 न\u200dमस्ते'
    pair = real_estate("3.2.0")
    with pair.shared.write() as session:
        for row in rows(pair.shared, _DESCRIBED):
            content = row["content"].decode()
            if row["name"] == "api":
                content, count = re.subn(
                    r"<description\s*/>|<description>.*?</description>",
                    lambda match: f"<description>{escape(text)}</description>",
                    content,
                    flags=re.DOTALL,
                )
                assert count == 1
            else:
                document = json.loads(content)
                document["info"]["description"] = text
                content = json.dumps(document, ensure_ascii=False)
            session.execute(
                sql("UPDATE reg_content SET reg_content_data = :content WHERE reg_content_id = :id"),
                {"content": content.encode(), "id": row["id"]},
            )
    with pair.am.write() as session:
        for table in ("am_application", "am_scope", "am_api_categories", "am_policy_subscription"):
            session.execute(sql(f"UPDATE {table} SET description = :text"), {"text": text})
    upgrade = upgrading(pair, "4.7.0")
    assert upgrade.run().outcome.failed_items == 0
    after = Pair(upgrade.clones["am"], upgrade.clones["shared"])

    described = [of for of in artifacts(after.shared).values() if of["overview/description"] == [text]]
    assert len(described) == 42 + 30
    found = list(gateway_artifacts(after.am))
    assert [each.document["data"]["description"] for each in found] == [text] * 30
    definitions = [json.loads(each.files["Definitions/swagger.json"]) for each in found if _has_swagger(each)]
    assert len(definitions) == 24
    assert {each["info"]["description"] for each in definitions} == {text}
    for table in ("am_application", "am_scope", "am_api_categories", "am_policy_subscription"):
        assert rows(after.am, f"SELECT DISTINCT description FROM {table}") == [{"description": text}]


_DESCRIBED = (
    "SELECT c.reg_content_id AS id, c.reg_content_data AS content, r.reg_name AS name FROM reg_resource r "
    "JOIN reg_path p USING (reg_path_id, reg_tenant_id) JOIN reg_content c USING (reg_content_id, reg_tenant_id) "
    "WHERE r.reg_name IN ('api', 'swagger.json') "
    "AND p.reg_path_value LIKE '/_system/governance/apimgt/applicationdata/provider/%'"
)


def _has_swagger(artifact: GatewayArtifact) -> bool:
    return "Definitions/swagger.json" in artifact.files


@pairs
def test_no_sequence_gives_a_number_that_is_taken(source: str, target: str, upgraded: Upgrades) -> None:
    estate = upgraded(source, target)
    seen = 0
    for database in (estate.after.am, estate.after.shared):
        for column in rows(
            database,
            "SELECT c.relname AS of, a.attname AS name, pg_get_expr(d.adbin, d.adrelid) AS given FROM pg_attrdef d "
            "JOIN pg_class c ON c.oid = d.adrelid JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.adnum "
            "WHERE pg_get_expr(d.adbin, d.adrelid) LIKE 'nextval(%'",
        ):
            sequence = re.match(r"nextval\('(.+?)'", column["given"])[1]  # type: ignore[index]
            (state,) = rows(database, f"SELECT last_value, is_called FROM {sequence}")
            (top,) = rows(database, f'SELECT max("{column["name"]}") AS id FROM "{column["of"]}"')
            following = state["last_value"] + (1 if state["is_called"] else 0)
            assert following > (top["id"] or 0), (database.name, column, state, top)
            seen += 1
    assert seen > 140


@pytest.mark.parametrize("target", ["4.2.0", "4.4.0", "4.5.0", "4.7.0"])
def test_everything_belongs_to_the_owners_of_old_whoever_ran_the_tool(target: str, upgraded: Upgrades) -> None:
    estate = upgraded("3.2.0", target)
    query = (
        "SELECT DISTINCT pg_get_userbyid(relowner) AS owner FROM pg_class "
        "WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'S', 'i', 'v')"
    )
    assert rows(estate.after.am, query) == [{"owner": "apim_user"}]
    assert rows(estate.after.shared, query) == [{"owner": "shared_user"}]


@pairs
def test_the_index_will_find_every_file(source: str, target: str, upgraded: Upgrades) -> None:
    estate = upgraded(source, target)
    resources = registry(estate.after.shared)
    log = rows(estate.after.shared, "SELECT reg_tenant_id AS tenant, reg_path, reg_action FROM reg_log")
    listed = Counter((row["tenant"], row["reg_path"]) for row in log)

    assert [place for place in listed if place not in resources] == []
    assert [place for place, count in listed.items() if count > 1] == []
    assert [place for place, each in resources.items() if not each.is_folder and place not in listed] == []
    assert {row["reg_action"] for row in log} <= {0, 1, 2, 3, 4, 5, 8, 9, 10, 15}


@pytest.mark.parametrize("target", ["4.2.0", "4.5.0"])
def test_a_websocket_api_of_3_2_0_gets_the_definition_that_a_server_would_write(
    target: str, upgraded: Upgrades
) -> None:
    estate = upgraded("3.2.0", target)
    resources = registry(estate.after.shared)
    names = domains(estate.after.shared)
    seen = 0
    for (tenant, path), resource in resources.items():
        if resource.media_type != API_TYPE or not path.startswith(PROVIDERS):
            continue
        artifact = fields(resource.content or b"")
        if artifact["overview/type"] != ["WS"]:
            continue
        seen += 1
        definition = resources[tenant, path.removesuffix("/api") + "/asyncapi.json"]
        assert definition.media_type == "application/json"
        document = json.loads(definition.content or b"")
        assert document["asyncapi"] == "2.0.0"
        assert document["info"] == {
            "title": artifact["overview/name"][0],
            "version": artifact["overview/version"][0],
        }
        endpoints = json.loads(artifact["overview/endpointConfig"][0])
        assert {server: each["url"] for server, each in document["servers"].items()} == {
            name.removesuffix("_endpoints"): each["url"] for name, each in endpoints.items() if isinstance(each, dict)
        }
        assert document["channels"] == {"/*": {"publish": {}, "subscribe": {}}}
        assert tenant in names
    assert seen == 6
