"""``upgrade.toml``: the smallest file works, and every mistake is told by file and key without a secret."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from datetime import date
from pathlib import Path

import pytest

from apim_upgrade.errors import NeedsConsent, ProjectError
from apim_upgrade.migrations.upgrade import Choices
from apim_upgrade.project import Project, Secret, Strategy, read_project, write_template
from apim_upgrade.project.checking import CheckTable
from apim_upgrade.project.secret import expand_url
from apim_upgrade.project.template import TEMPLATE
from apim_upgrade.releases import Release

SMALLEST = """
target = "4.4.0"
strategy = "side-by-side"
[database.am]
url = "postgresql://apim:$env{AM_PASSWORD}@db.example/wso2_am_db"
clone = "wso2am_am"
[database.shared]
url = "jdbc:postgresql://db.example:5432/wso2_shared_db"
username = "apim"
password = "$env{SHARED_PASSWORD}"
clone = "wso2am_shared"
"""


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Project]:
    monkeypatch.setenv("AM_PASSWORD", "p@ss/w#rd")
    monkeypatch.setenv("SHARED_PASSWORD", "shared secret")

    def read(text: str, environment: str | None = None) -> Project:
        file = tmp_path / "upgrade.toml"
        file.write_text(text, encoding="utf-8")
        return read_project(file, environment)

    return read


def test_the_smallest_file_names_everything(project: Callable[[str], Project], tmp_path: Path) -> None:
    read = project(SMALLEST)
    assert (read.target, read.source, read.strategy) == (Release(4, 4, 0), None, Strategy.SIDE_BY_SIDE)
    addresses = read.addresses()
    assert str(addresses["am"]) == "postgresql://apim@db.example:5432/wso2_am_db"
    assert (addresses["am"].password, addresses["shared"].password) == ("p@ss/w#rd", "shared secret")
    assert read.clones() == {"am": "wso2am_am", "shared": "wso2am_shared"}
    assert read.run_folder == tmp_path / "runs"
    assert read.choices == Choices()


def test_copies_are_named_after_database_and_target(project: Callable[[str], Project]) -> None:
    text = SMALLEST.replace('clone = "wso2am_am"', "").replace('clone = "wso2am_shared"', "")
    assert project(text).clones() == {"am": "wso2_am_db_440", "shared": "wso2_shared_db_440"}
    assert project(text.replace("side-by-side", "in-place")).clones() == {}


def test_every_choice_can_be_made(project: Callable[[str], Project], tmp_path: Path) -> None:
    (tmp_path / "client-truststore.jks").write_bytes(b"x")
    options = """
    [options]
    truststore = "client-truststore.jks"
    truststore_password = "$env{SHARED_PASSWORD}"
    environments = ["Default", "EU"]
    environment_names = { "Production and Sandbox" = "Default", old = "EU" }
    separate_groups_and_roles = true
    internal_scopes_per_tenant = true
    admin_role = "boss"
    repair_definitions = true
    """
    assert all(f"    {field.name} = " in options for field in fields(Choices)), "a field of Choices is not tried here"
    choices = project(SMALLEST + options).choices
    assert choices == Choices(
        truststore=tmp_path / "client-truststore.jks",
        truststore_password="shared secret",
        environments=("Default", "EU"),
        environment_names=(("Production and Sandbox", "Default"), ("old", "EU")),
        separate_groups_and_roles=True,
        internal_scopes_per_tenant=True,
        admin_role="boss",
        repair_definitions=True,
    )


def test_the_template_is_a_project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AM_PASSWORD", "a")
    monkeypatch.setenv("SHARED_PASSWORD", "b")
    file = tmp_path / "new" / "upgrade.toml"
    write_template(file)
    read = read_project(file)
    assert read.clones() == {"am": "wso2_am_db_440", "shared": "wso2_shared_db_440"}
    with pytest.raises(NeedsConsent, match="exists already"):
        write_template(file)
    write_template(file, overwrite=True)


def test_the_template_explains_every_option_and_its_examples_are_valid(
    project: Callable[..., Project], tmp_path: Path
) -> None:
    (tmp_path / "client-truststore.jks").write_bytes(b"x")
    assert all(f"# {field.name} = " in TEMPLATE for field in fields(Choices))
    assert all(f"# {name} = " in TEMPLATE or f"check.{name}]" in TEMPLATE for name in CheckTable.model_fields)
    for name in ("deployment.toml", "wso2carbon.jks", "wso2am-3.2.0"):
        for folder in ("old", "new"):
            (tmp_path / folder).mkdir(exist_ok=True)
            (tmp_path / folder / name).write_bytes(b"")
    (tmp_path / "accepted.toml").write_bytes(b"")
    lines = [
        line.removeprefix("# ") if line.startswith("# [") or (line.startswith("# ") and " = " in line) else line
        for line in TEMPLATE.splitlines()
    ]
    text = "\n".join(line for line in lines if not line.startswith(("password_file", 'clone = "wso2_am')))
    text = text.replace("TRUSTSTORE_PASSWORD", "AM_PASSWORD").replace("KEYSTORE_PASSWORD", "AM_PASSWORD")
    read = project(text, "dev")
    assert read.addresses()["am"].host == "dev.example"
    assert read.source == Release(4, 0, 0)
    assert read.databases["am"].move_to is not None
    assert read.check.end_of_support == {Release(4, 4, 0): date(2028, 5, 1)}
    assert [store.file.name for store in read.check.keystores] == ["wso2carbon.jks"]


def test_a_password_file_is_read_from_beside_the_project(project: Callable[[str], Project], tmp_path: Path) -> None:
    (tmp_path / "shared.password").write_text("from a file\n", encoding="utf-8")
    text = SMALLEST.replace('password = "$env{SHARED_PASSWORD}"', 'password_file = "shared.password"')
    assert project(text).addresses()["shared"].password == "from a file"


def test_no_secret_shows_in_any_text_of_a_project(project: Callable[[str], Project]) -> None:
    read = project(
        SMALLEST.replace("$env{AM_PASSWORD}", "plain-secret").replace("$env{SHARED_PASSWORD}", "other-secret")
    )
    shown = f"{read!r} {read} {read.addresses()} {read.databases['shared']!r}"
    assert "-secret" not in shown
    assert f"{Secret('x')} {Secret('x')!r} {[Secret('x')]}" == "*** Secret(***) [Secret(***)]"


@pytest.mark.parametrize(
    ("url", "expanded"),
    [
        ("$env{URL}", "postgresql://h/d"),
        ("postgresql://u:$env{ODD}@$env{HOST}/d", "postgresql://u:a%40b%2Fc@db:5432/d"),
        ("jdbc:postgresql://$env{HOST}/d?password=$env{ODD}", "jdbc:postgresql://db:5432/d?password=a%40b%2Fc"),
    ],
)
def test_variables_are_quoted_where_a_url_needs_it(url: str, expanded: str) -> None:
    assert expand_url(url, "k", {"URL": "postgresql://h/d", "ODD": "a@b/c", "HOST": "db:5432"}) == expanded


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("strategy =", "stratagy =", ["stratagy is not known (did you mean strategy?)"]),
        ('clone = "wso2am_am"', 'clon = "x"', ["database.am.clon is not known (did you mean clone?)"]),
        ("[database.shared]", "[database.shred]", ["database.shared is missing", "did you mean shared?"]),
        ('target = "4.4.0"', "", ["target is missing"]),
        ('target = "4.4.0"', "target = 4.4", ["target has to be a text in quotes"]),
        ('target = "4.4.0"', 'target = "four"', ["target: 'four' is not a release number"]),
        ('target = "4.4.0"', 'target = "4.4.0"\nsource = "4"', ["source: '4' is not a release number"]),
        ("side-by-side", "sideways", ["strategy is 'sideways', not one of side-by-side, in-place"]),
        ('clone = "wso2am_am"', 'clone = "a b;"', ["database.am.clone has to be a plain database name"]),
        ('username = "apim"', 'password_file = "x"', ["database.shared has password and password_file"]),
        ('username = "apim"', 'username = ""', []),
        ("[database.shared]", "[options]\ntrustore = 'x'\n[database.shared]", ["options.trustore", "truststore?"]),
        (
            "[database.shared]",
            "[options]\ntruststore = 'x'\n[database.shared]",
            ["options.truststore names", "not a file"],
        ),
        ("[database.shared]", "[options]\nenvironments = 7\n[database.shared]", ["options.environments: "]),
        ("[database.shared]", "[options]\nzzz = 7\n[database.shared]", ["options.zzz is not known (admin_role, "]),
        ("[database.shared]", "options = 7\n[database.shared]", ["database.am.options is not known"]),
        ('target = "4.4.0"', 'target = "4.4.0"\noptions = 7', ["options has to be a table"]),
        ('target = "4.4.0"', "target = 4.4.0", ["is not TOML", "line 2"]),
    ],
)
def test_every_mistake_is_told_by_key(
    project: Callable[[str], Project], tmp_path: Path, old: str, new: str, told: list[str]
) -> None:
    assert old in SMALLEST
    if not told:
        assert project(SMALLEST.replace(old, new, 1))
        return
    with pytest.raises(ProjectError) as caught:
        project(SMALLEST.replace(old, new, 1))
    assert str(tmp_path / "upgrade.toml") in caught.value.message
    assert all(part in caught.value.message for part in told), caught.value.message
    assert caught.value.hint
    assert "\n" not in caught.value.message


def test_all_mistakes_are_told_at_once(project: Callable[[str], Project]) -> None:
    with pytest.raises(ProjectError) as caught:
        project(SMALLEST.replace("target", "tarjet").replace("url", "uri"))
    assert caught.value.message.count(";") == 5


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        (
            "$env{AM_PASSWORD}",
            "$env{NOT_SET_ANYWHERE}",
            "database.am.url names the environment variable NOT_SET_ANYWHERE",
        ),
        ("$env{SHARED_PASSWORD}", "$env{}", "database.shared.password names the environment variable (empty)"),
        (
            "jdbc:postgresql:",
            "jdbc:informix:",
            "database.shared: The database URL begins with 'informix', which this tool does not connect to",
        ),
        ("wso2_shared_db", "wso2_am_db", "are the same database"),
        (
            'password = "$env{SHARED_PASSWORD}"',
            'password_file = "gone"',
            "database.shared.password_file cannot be read",
        ),
        (
            "[database.shared]",
            "[database.identity]\nurl='postgresql://db.example/wso2_shared_db'\n[database.shared]",
            "database.shared and database.identity are the same database",
        ),
        (
            "[database.shared]",
            "[database.user]\nurl='postgresql://h/x'\n[database.config]\nurl='postgresql://h/x'\n[database.shared]",
            "database.user and database.config are the same database",
        ),
    ],
)
def test_every_mistake_in_a_login_is_told_by_key(
    project: Callable[[str], Project], old: str, new: str, told: str
) -> None:
    with pytest.raises(ProjectError) as caught:
        project(SMALLEST.replace(old, new, 1)).addresses()
    assert told in caught.value.message
    assert "upgrade.toml" in caught.value.message
    assert "secret" not in str(caught.value)


def test_split_databases_may_be_named_when_they_are_the_same(project: Callable[[str], Project]) -> None:
    text = SMALLEST + '[database.user]\nurl = "postgresql://apim@DB.example/wso2_shared_db"\n'
    assert set(project(text).addresses()) == {"am", "shared"}
    assert set(project(text).clones()) == {"am", "shared"}
    with pytest.raises(ProjectError, match=r"database.user.clone has no meaning: the copy of database.shared holds"):
        project(text + 'clone = "y"').clones()


def test_databases_that_are_kept_apart_are_copied_too(project: Callable[[str], Project]) -> None:
    text = SMALLEST + (
        '[database.identity]\nurl = "postgresql://idn.example/wso2_am_db"\n'
        '[database.user]\nurl = "postgresql://db.example/wso2_user_db"\nclone = "users"\n'
        '[database.config]\nurl = "postgresql://db.example/wso2_shared_db?currentSchema=config"\n'
    )
    read = project(text)
    assert list(read.addresses()) == ["am", "shared", "identity", "user", "config"]
    assert read.clones() == {
        "am": "wso2am_am",
        "shared": "wso2am_shared",
        "identity": "wso2_am_db_440",
        "user": "users",
        "config": "wso2_shared_db_440",
    }
    with pytest.raises(ProjectError, match=r"database.shared and database.config are the same database"):
        project(text.replace("side-by-side", "in-place")).addresses()


@pytest.mark.parametrize(
    ("am", "shared", "told"),
    [
        ("wso2_am_db", "x", "database.am.clone is 'wso2_am_db', a database that exists"),
        ("same", "same", "database.shared.clone is 'same'"),
        ("x" * 60, "x", "longer than 54 bytes"),
        ("template1", "x", "exists already"),
    ],
)
def test_names_of_copies_that_cannot_be_are_refused(
    project: Callable[[str], Project], am: str, shared: str, told: str
) -> None:
    read = project(SMALLEST.replace("wso2am_am", am).replace("wso2am_shared", shared))
    with pytest.raises(ProjectError, match=told):
        read.clones()


@pytest.mark.parametrize(
    ("content", "told"), [(None, "cannot be read"), (b"\n", "is empty"), (b"\xff\xfe\xfa", "not text in UTF-8")]
)
def test_password_files_that_are_of_no_use_are_told(
    project: Callable[[str], Project], tmp_path: Path, content: bytes | None, told: str
) -> None:
    if content is not None:
        (tmp_path / "pw").write_bytes(content)
    with pytest.raises(ProjectError, match=told):
        project(SMALLEST.replace('password = "$env{SHARED_PASSWORD}"', 'password_file = "pw"')).addresses()


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="There is no project file") as caught:
        read_project(tmp_path / "nothing.toml")
    assert "init" in caught.value.hint
    with pytest.raises(ProjectError, match="cannot be read"):
        read_project(tmp_path)
    (tmp_path / "latin.toml").write_bytes(b'target = "\xe4"')
    with pytest.raises(ProjectError, match="not text in UTF-8"):
        read_project(tmp_path / "latin.toml")
