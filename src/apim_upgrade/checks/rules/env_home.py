"""Rules about files in the old server's home, ENV020 to ENV029; all need `check.home`."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from apim_upgrade.checks.home import Home
from apim_upgrade.checks.jars import Jar, read_jar
from apim_upgrade.checks.model import Finding, Severity, Spot
from apim_upgrade.checks.rule import rule
from apim_upgrade.checks.rules.common import such_as
from apim_upgrade.checks.settings import setting
from apim_upgrade.checks.subject import Subject
from apim_upgrade.releases import Release
from apim_upgrade.releases.extensions import (
    exported_version,
    missing_prefixes,
    newest_class_file,
    removal_of,
    shipped_files,
)

_COMPONENTS = "repository/components"
_SERVER = "repository/deployment/server"
_SYNAPSE = f"{_SERVER}/synapse-configs/default"
_CLIENTS = ("org.wso2.carbon.is.migration-*.jar", "org.wso2.carbon.apimgt.migrate.client-*.jar")
_DRIVER = re.compile(r"(postgresql|mysql-connector|mariadb-java|ojdbc|mssql-jdbc|jcc|db2jcc|h2)[\w.-]*\.jar", re.I)
_PROFILE = re.compile(rb"-Dprofile[ =]+[\"']?([A-Za-z-]+)")
_DISTRIBUTIONS = Release(4, 5, 0)
_FOR_SCRIPTS = ("*.sh", "*.bat", "*.service", "*.conf", "*.env", "Dockerfile*", "*.yaml", "*.yml")
_JAVA = {52: "8", 55: "11", 61: "17", 65: "21", 69: "25"}


@rule(
    "ENV020",
    Severity.MAJOR,
    title="migration client or its files left in the home",
    needs=("home",),
    problems=("proc-leftover-migration-files", "proc-client-jar-mismatch"),
)
def migration_files_left(subject: Subject) -> Iterator[Finding]:
    """
    What: Jars of the vendor's migration clients, or their folder of resources, lie in the home.

    Why: With them a normal start may migrate again; a client of another build level stops the server. This tool needs
    none of them.

    How found: The known names in `repository/components/dropins` and `lib`, and the folder `migration-resources`.

    How to mend: Remove the files from the home, and never carry them to the target.
    """
    home = _home(subject)
    for folder in ("dropins", "lib", "patches"):
        for pattern in _CLIENTS:
            for file in home.files(f"{_COMPONENTS}/{folder}", pattern):
                yield Finding(
                    f"{home.name(file)} is a migration client.", place=Spot(home.name(file)), item=home.name(file)
                )
    if home.has("migration-resources"):
        yield Finding(
            "The folder migration-resources is in the home.",
            place=Spot("migration-resources"),
            item="migration-resources",
        )
    subject.saw("files", 1)


@rule(
    "ENV021",
    Severity.MAJOR,
    title="jar of one's own that does not fit the target",
    needs=("home",),
    problems=("cus-custom-jars",),
)
def jars_of_ones_own(subject: Subject) -> Iterator[Finding]:
    """
    What: Jars in the home (handlers, mediators, key managers, executors, drivers) refer to what the target does not
    have, or demand versions that it does not export.

    Why: They fail when they are loaded or called: NoSuchMethodError, ClassNotFoundException, or a bundle that does not
    start.

    How found: Every jar in `repository/components/lib`, `dropins` and `extensions`: the classes that its classes refer
    to against those that were removed or moved, the ranges of Import-Package against the target's versions, and the
    version of its class files against the target's Java. A jar that shows nothing of that is minor, a JDBC driver
    information.

    How to mend: Build the jar against the target's packages, or get the release of it that names the target. Patches of
    the product must not be carried.
    """
    home = _home(subject)
    for folder in ("lib", "dropins", "extensions"):
        for file in home.files(f"{_COMPONENTS}/{folder}", "*.jar"):
            subject.saw("jars")
            if any(file.match(pattern) for pattern in _CLIENTS):
                continue
            name = home.name(file)
            if _DRIVER.fullmatch(file.name):
                yield Finding(
                    f"{name} is a JDBC driver.",
                    "Put the driver's release for the target's Java and the database server there instead.",
                    Spot(name),
                    item=name,
                    severity=Severity.INFO,
                )
                continue
            jar = read_jar(file)
            reasons = list(_reasons(jar, subject))
            if reasons:
                more = f" and {len(reasons) - 3} more" if len(reasons) > 3 else ""
                yield Finding(f"{name}: {'; '.join(reasons[:3])}{more}.", place=Spot(name), item=name)
            else:
                yield Finding(
                    f"{name} has to be tried with the target{f' ({jar.broken})' if jar.broken else ''}.",
                    place=Spot(name),
                    item=name,
                    severity=Severity.MINOR,
                )
    subject.saw("jars", 0)


def _reasons(jar: Jar, subject: Subject) -> Iterator[str]:
    """Why a jar does not fit, a clause each."""
    if jar.symbolic_name.startswith(("org.wso2.carbon.apimgt", "org.wso2.carbon.core", "org.apache.synapse")):
        yield f"{jar.symbolic_name} {jar.version} is a bundle of the product itself and must not be carried"
    newest = newest_class_file(subject.target)
    if newest is not None and jar.class_file > newest:
        yield f"its classes are for Java {_JAVA.get(jar.class_file, jar.class_file - 44)}, newer than the target's"
    exported = exported_version(subject.target)
    for each in jar.imports:
        if each.package.startswith("org.wso2.carbon.apimgt") and each.below is not None and each.below <= exported:
            yield (
                f"it demands {each.package} {each.range}, and {subject.target} has "
                f"{'.'.join(str(number) for number in exported)}"
            )
            break
    prefixes = missing_prefixes()
    for name in sorted(jar.references):
        removal = removal_of(name)
        if removal is None:
            removal = next((prefixes[prefix] for prefix in prefixes if name.startswith(prefix)), None)
        if removal is not None and subject.crosses(str(removal.since)):
            yield f"it uses {name.replace('/', '.')}, gone with {removal.since} ({removal.why.rstrip('.')})"


@rule(
    "ENV022",
    Severity.MINOR,
    title="changes of the portals and of login pages",
    needs=("home",),
    problems=("cus-themes",),
)
def portal_changes(subject: Subject) -> Iterator[Finding]:
    """
    What: The home holds overrides of the portals' pages, themes, or changed login pages.

    Why: The portals are React applications that are made anew with every release. Overridden pages are copies of old
    sources; they break, or hide what is new. From 4.2.0 on the portals lie in another folder.

    How found: Folders `override` of publisher, devportal and admin, and theme files beside them; `extensions` of the
    login pages.

    How to mend: Carry keys of themes over by hand; write overridden pages anew from the target's sources.
    """
    home = _home(subject)
    for kind in ("jaggeryapps", "webapps"):
        for portal in ("publisher", "devportal", "admin"):
            below = f"{_SERVER}/{kind}/{portal}"
            overrides = [home.name(file) for file in home.files(f"{below}/override")]
            themes = [
                home.name(file)
                for file in home.files(f"{below}/site/public/theme")
                if file.name.startswith(("userTheme", "defaultTheme"))
            ]
            subject.saw("files", len(overrides) + len(themes))
            if overrides:
                yield Finding(
                    f"The portal {portal} has {len(overrides)} overridden pages{such_as(overrides)}.",
                    place=Spot(f"{below}/override"),
                    item=f"{portal}: override",
                )
            if themes:
                yield Finding(
                    f"The portal {portal} has theme files{such_as(themes)}.",
                    "Compare them with those of a fresh pack of the old release, and carry your keys over.",
                    Spot(themes[0]),
                    item=f"{portal}: theme",
                    severity=Severity.INFO,
                )
    pages = [home.name(file) for file in home.files(f"{_SERVER}/webapps/authenticationendpoint/extensions")]
    subject.saw("files", len(pages))
    if pages:
        yield Finding(
            f"The login pages have extensions{such_as(pages)}.", place=Spot(pages[0]), item="authenticationendpoint"
        )


@rule(
    "ENV023",
    Severity.MAJOR,
    title="start script that selects a profile",
    needs=("home",),
    problems=("proc-component-distributions-450", "proc-wrong-profile"),
)
def profiles_in_scripts(subject: Subject) -> Iterator[Finding]:
    """
    What: A start script or service file of the home selects a profile (`-Dprofile=`).

    Why: From 4.5.0 on there are distributions instead of profiles; with the old option a node starts with the wrong
    components. From 4.0.0 on the names of profiles and of the start script differ. And it shows that the estate has
    several nodes: the upgrade is done once, whatever their number.

    How found: Scripts in `bin` and files for services in the home that hold `-Dprofile`.

    How to mend: Choose for each node the distribution (control plane, universal gateway, traffic manager) and its start
    script, and take the option out.
    """
    home = _home(subject)
    for file in _scripts(home):
        subject.saw("files")
        if file.name.startswith("profileSetup"):
            continue
        profiles = sorted({match.decode() for match in _PROFILE.findall(home.read(file))} - {"default", "profile"})
        if profiles:
            name = home.name(file)
            matters = subject.crosses(str(_DISTRIBUTIONS)) or subject.crosses("4.0.0")
            yield Finding(
                f"{name} selects the profile {', '.join(profiles)}.",
                place=Spot(name),
                item=name,
                severity=None if matters else Severity.INFO,
            )
    subject.saw("files", 0)


def _scripts(home: Home) -> Iterator[Path]:
    for pattern in _FOR_SCRIPTS:
        yield from home.files("bin", pattern)
        yield from home.files(".", pattern, deep=False)


@rule(
    "ENV024",
    Severity.MAJOR,
    title="sequences, proxies and endpoints of one's own in the gateway's folder",
    needs=("home",),
    problems=("pol-global-sequences",),
)
def own_synapse_files(subject: Subject) -> Iterator[Finding]:
    """
    What: The gateway's folder holds files that neither the pack brings nor an API made: global sequences such as
    `WSO2AM--Ext--In.xml`, sequences of tenants, proxies, tasks.

    Why: They are in no database, so no upgrade carries them. From 4.0.0 on a gateway removes at its start what is not
    in its skip list.

    How found: Files below `synapse-configs` of the super tenant and of `repository/tenants`, less the stock ones and
    those named after an API and its version.

    How to mend: Copy them to the gateways of the target and name them in its skip list. That is the table
    [apim.sync_runtime_artifacts.gateway.skip_list] of deployment.toml.
    """
    home = _home(subject)
    listed = _skip_list(subject)
    for below in (_SYNAPSE, "repository/tenants"):
        for file in home.files(below, "*.xml"):
            name = home.name(file)
            if "/synapse-configs/" not in name:
                continue
            subject.saw("files")
            kind = name.partition("/synapse-configs/default/")[2].partition("/")[0]
            if kind not in _OWN_KINDS or _is_stock_name(name) or "--v" in file.name:
                continue
            if file.name in listed:
                continue
            yield Finding(
                f"{name} is neither stock nor made from an API.",
                place=Spot(name),
                item=name,
                severity=Severity.MINOR if kind == "api" else None,
            )
    subject.saw("files", 0)


_OWN_KINDS = (
    "sequences",
    "proxy-services",
    "endpoints",
    "tasks",
    "local-entries",
    "api",
    "inbound-endpoints",
    "templates",
)


def _is_stock_name(name: str) -> bool:
    below = name.partition("/synapse-configs/default/")[2]
    return f"{_SYNAPSE}/{below}" in shipped_files()


def _skip_list(subject: Subject) -> frozenset[str]:
    if not subject.given("target_configuration"):
        return frozenset()
    lists = setting(subject.target_configuration, "apim.sync_runtime_artifacts.gateway.skip_list", {})
    values = lists.values() if isinstance(lists, dict) else ()
    return frozenset(str(name) for value in values if isinstance(value, list) for name in value)


@rule(
    "ENV025",
    Severity.MINOR,
    title="stock file that was changed",
    needs=("home",),
    problems=("cfg-workflow-callback-service",),
)
def changed_stock_files(subject: Subject) -> Iterator[Finding]:
    """
    What: A sequence, proxy or API template that the pack brings has been changed, or comes from an update.

    Why: The target brings its own form of these files, and some of them do not exist any more (the APIs for /token and
    /revoke from 4.0.0 on, WorkflowCallbackService from 4.2.0 on). A copy of the old file overwrites what is new; what
    was changed in it is lost when it is not copied.

    How found: SHA-256 of the files against those of every release since 3.2.0 (as first released, so that an update
    level may show as a change).

    How to mend: Compare the file with that of a fresh pack of the old release, and make your change anew in the
    target's file. Never copy it.
    """
    home = _home(subject)
    for path, digests in shipped_files().items():
        file = home.folder / path
        if not home.has(path) or not file.is_file():
            continue
        subject.saw("files")
        content = home.read(file)
        forms = (content, content.replace(b"\r\n", b"\n"))
        if not any(hashlib.sha256(form).hexdigest()[:16] in digests for form in forms):
            yield Finding(f"{path} is not as any release ships it.", place=Spot(path), item=path)
    subject.saw("files", 0)


@rule(
    "ENV026",
    Severity.INFO,
    title="search index and embedded databases in the home",
    needs=("home",),
    problems=("idx-old-solr-index", "idx-solr-major"),
)
def not_to_be_carried(subject: Subject) -> Iterator[Finding]:
    """
    What: The home holds the search index and files of embedded databases.

    Why: The target must begin with an empty index: an old one lists APIs that are not there, or cannot be read. Files
    of H2 of another generation keep a server from starting.

    How found: The folders `solr` and `repository/database`.

    How to mend: Carry neither to the target's home or volumes; see CFG008.
    """
    home = _home(subject)
    for path, what in (("solr", "the search index"), ("repository/database", "embedded databases")):
        subject.saw("files")
        if home.has(path):
            yield Finding(f"{path} holds {what} of {subject.source}.", place=Spot(path), item=path)


def _home(subject: Subject) -> Home:
    return Home(subject.inputs.home or Path())
