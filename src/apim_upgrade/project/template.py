"""The commented ``upgrade.toml`` that ``init`` writes."""

from __future__ import annotations

from pathlib import Path

from apim_upgrade.errors import EnvironmentProblem, NeedsConsent

TEMPLATE = """\
# What apim-upgrade is to do. Nothing is changed before `apim-upgrade run`.
# Keep secrets out of this file: $env{NAME} takes the value of an environment variable, password_file the first line
# of a file.

# The release to upgrade to.
target = "4.4.0"

# side-by-side: the databases are copied on their server and only the copies are changed.
# in-place: the databases themselves are changed; take a backup first, with the servers stopped.
strategy = "side-by-side"

# The release the databases are of. It is found out from the databases; this is only a cross-check, and it decides
# where an unusual schema leaves two answers.
# source = "4.0.0"

# Where every run keeps its plan, journal and report. Relative paths start at the folder of this file.
# run_folder = "runs"

# The H2 that wrote the files, where the data comes from H2 files that are not in their pack.
# h2_jar = "h2-2.1.210.jar"

# The API-M database: [database.apim_db] of deployment.toml. Its JDBC URL can be copied as it is.
[database.am]
url = "jdbc:postgresql://localhost:5432/wso2_am_db"
username = "apim"
password = "$env{AM_PASSWORD}"
# password_file = "am.password"
# Name of the upgraded copy; otherwise <database>_<target without dots>, such as wso2_am_db_440.
# clone = "wso2_am_db_440"
# To another DBMS at the same time, or from the H2 files of a pack, whose url is "pack:/opt/wso2am-4.2.0": the empty
# database to move to, instead of clone; the same for the shared one.
# [database.am.move_to]
# url = "jdbc:postgresql://localhost:5432/wso2_am_db_440"
# username = "apim"
# password = "$env{AM_PASSWORD}"

# The shared database: [database.shared_db] of deployment.toml.
[database.shared]
url = "jdbc:postgresql://localhost:5432/wso2_shared_db"
username = "apim"
password = "$env{SHARED_PASSWORD}"
# password_file = "shared.password"
# clone = "wso2_shared_db_440"

# Where the product keeps these tables in databases of their own, name them in tables with the same keys, called
# database.identity (IDN_*, SP_* and others), database.user (UM_*) and database.config (/_system/config).

# Where the same upgrade is done in several environments: their order, and for each what is different. Name one with
# --env; what a table of an environment does not name is taken from above.
# [environments]
# order = ["dev", "prod"]
# [environment.dev.database.am]
# url = "jdbc:postgresql://dev.example:5432/wso2_am_db"
# [environment.dev.database.shared]
# url = "jdbc:postgresql://dev.example:5432/wso2_shared_db"

[options]
# client-truststore.jks of the old server: 3.2.0 keeps the certificates of endpoints nowhere else.
# truststore = "client-truststore.jks"
# truststore_password = "$env{TRUSTSTORE_PASSWORD}"

# Gateway environments of the new server's deployment.toml: where an API that names none is deployed.
# environments = ["Default"]

# Gateway environments that are called otherwise on the new server: old name, new name.
# environment_names = { "Production and Sandbox" = "Default" }

# Settings of the new server's deployment.toml that decide how data is kept.
# separate_groups_and_roles = false
# internal_scopes_per_tenant = false
# admin_role = "admin"

# Repair OpenAPI definitions that the target refuses, where that is mechanical; `apim-upgrade check --fix` shows how.
# repair_definitions = false

# What `apim-upgrade check` may look at besides the databases, and the findings that were accepted.
[check]
# configuration = "old/deployment.toml"
# target_configuration = "new/deployment.toml"
# home = "old/wso2am-3.2.0"
# baseline = "accepted.toml"
# fail_on = "major"
# relaxed_definitions = false
# [[check.keystore]]
# file = "old/wso2carbon.jks"
# password = "$env{KEYSTORE_PASSWORD}"
# [check.end_of_support]
# "4.4.0" = 2028-05-01
"""


def write_template(file: Path, *, overwrite: bool = False) -> None:
    """Write the commented example. Raises NeedsConsent when the file exists, EnvironmentProblem when it cannot be."""
    if file.exists() and not overwrite:
        raise NeedsConsent(
            f"{file} exists already.", hint="Give --yes to overwrite it, or --project with another name."
        )
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(TEMPLATE, encoding="utf-8")
    except OSError as error:
        raise EnvironmentProblem(
            f"{file} cannot be written: {error.strerror}.", hint="Give --project with a file that can be written."
        ) from None
