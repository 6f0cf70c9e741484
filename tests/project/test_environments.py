"""Environments share target, choices and plan; their tables say what is different, and mistakes are told by key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from apim_upgrade.errors import ProjectError
from apim_upgrade.project import Project, read_project

THREE = """
target = "4.4.0"
[database.am]
url = "postgresql://db.prod/am"
username = "apim"
password = "of prod"
clone = "am_new"
[database.shared]
url = "postgresql://db.prod/shared"
[environments]
order = ["dev", "preprod", "prod"]
[environment.dev.database.am]
url = "postgresql://db.dev/am"
password_file = "dev.password"
[environment.dev.database.shared]
url = "postgresql://db.dev/shared"
clone = "shared_of_dev"
[environment.preprod.database.am]
url = "postgresql://db.preprod/am"
[environment.preprod.database.shared]
url = "postgresql://db.preprod/shared"
"""


@pytest.fixture
def project(tmp_path: Path) -> Callable[..., Project]:
    (tmp_path / "dev.password").write_text("of dev\n", encoding="utf-8")

    def read(text: str, environment: str | None) -> Project:
        file = tmp_path / "upgrade.toml"
        file.write_text(text, encoding="utf-8")
        return read_project(file, environment)

    return read


def test_an_environment_differs_only_in_what_it_names(project: Callable[..., Project], tmp_path: Path) -> None:
    dev, prod = project(THREE, "dev"), project(THREE, "prod")
    am = dev.addresses()["am"]
    assert (am.host, am.username, am.password) == ("db.dev", "apim", "of dev")
    assert dev.clones() == {"am": "am_new", "shared": "shared_of_dev"}
    assert prod.addresses()["am"].host == "db.prod"
    assert prod.clones() == {"am": "am_new", "shared": "shared_440"}
    assert (dev.runs, prod.runs) == (tmp_path / "runs" / "dev", tmp_path / "runs" / "prod")
    assert dev.environment is not None
    assert prod.environment is not None
    assert (dev.environment.before, prod.environment.before) == ((), ("dev", "preprod"))
    assert dev.environment.history == prod.environment.history == tmp_path / "runs" / "environments.toml"


def test_databases_may_be_named_by_the_environments_alone(project: Callable[..., Project]) -> None:
    start, end = THREE.index("[database.am]"), THREE.index("[environments]")
    text = (THREE[:start] + THREE[end:]).replace(', "prod"', "")
    assert project(text, "dev").addresses()["shared"].host == "db.dev"
    with pytest.raises(ProjectError, match="say with --env which is meant"):
        project(text, None)


@pytest.mark.parametrize(
    ("before", "after", "environment", "told"),
    [
        ("", "", None, r"it has the environments dev, preprod, prod: say with --env"),
        ("", "", "test", r"it has no environment test \(there are: dev, preprod, prod\)"),
        (THREE[THREE.index("[environments]") :], "", "dev", "it has no environments, so --env dev has no meaning"),
        ('"dev", "preprod"', '"dev", "dev", "preprod"', "dev", "environments.order has dev twice"),
        ('order = ["dev", "preprod", "prod"]', "order = []", "dev", "environments.order"),
        ('order = ["dev", "preprod", "prod"]', 'order = "dev"', "dev", "environments.order"),
        ('"prod"]', '"../x"]', "dev", r"'../x', which is no plain name"),
        ('"prod"]', '"rehearsals"]', "dev", "'rehearsals', which is no plain name"),
        ('"preprod", ', "", "dev", "environment.preprod is not in environments.order"),
        ("[environment.dev.database.am]", "[environment.dev.databse.am]", "dev", r"did you mean database\?"),
        ("[environment.dev.database.am]", "[environment.dev.database.an]", "dev", r"did you mean am\?"),
        ('password_file = "dev.password"', 'pasword_file = "x"', "dev", r"did you mean password_file\?"),
        ('clone = "shared_of_dev"', "clone = 5", "dev", "environment.dev.database.shared.clone has to be a text"),
        ('clone = "shared_of_dev"', 'clone = "a b"', "prod", "has to be a plain database name"),
        ("db.preprod/am", "db.dev/am", "prod", "environments dev and preprod name the same database am"),
        ("db.preprod/am", "db.prod/am", "dev", "environments preprod and prod name the same database am"),
        ("[environments]", "[environment]\nx = 1\n[environments]", "dev", "environment"),
    ],
)
def test_a_mistake_is_told_by_its_key(
    project: Callable[..., Project], before: str, after: str, environment: str | None, told: str
) -> None:
    assert before in THREE
    with pytest.raises(ProjectError, match=told) as error:
        project(THREE.replace(before, after, 1) if before else THREE, environment)
    assert "of prod" not in str(error.value)
