"""What a MySQL or MariaDB says of itself and of its tables: all of it at no cost, however large they are."""

from __future__ import annotations

import re
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

from apim_upgrade.databases.facts import Client, ServerFacts, TableFacts
from apim_upgrade.databases.session import Session

_TABLES = """
SELECT lower(table_name) AS name, coalesce(table_rows, -1) AS estimate,
       coalesce(data_length, 0) + coalesce(index_length, 0) AS size
FROM information_schema.tables WHERE table_schema = DATABASE() AND table_type = 'BASE TABLE'"""

_FACTS = """
SELECT CURRENT_USER() AS person, s.schema_name AS name, @@global.read_only AS read_only,
       s.default_character_set_name AS encoding,
       IF(@@global.time_zone = 'SYSTEM', @@system_time_zone, @@global.time_zone) AS zone,
       UNIX_TIMESTAMP(NOW(6)) AS clock, @@max_connections AS allowed, @@datadir AS folder
FROM information_schema.schemata s WHERE s.schema_name = DATABASE()"""

_OTHERS = """
SELECT user AS program, coalesce(nullif(substring_index(host, ':', 1), ''), 'the server itself') AS machine,
       count(*) AS sessions
FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()
GROUP BY 1, 2 ORDER BY 3 DESC, 1, 2"""

_GRANT = re.compile(r"GRANT (?P<rights>.+?) ON (?P<where>\S+\.\S+) TO ", re.I)
_HERE = ("localhost", "127.0.0.1", "::1")


def server_version(session: Session) -> str:
    """Return the server's version, such as ``8.0.44`` or ``10.11.19-MariaDB``."""
    text = str(session.all("SELECT VERSION()")[0][0])
    number = re.match(r"[\d.]+", text)
    return (number[0] if number else text) + ("-MariaDB" if "mariadb" in text.lower() else "")


def table_facts(session: Session) -> dict[str, TableFacts]:
    """Return the facts of every table; whoever may read a table of MySQL's here was let in to change it, or fails."""
    return {row.name: TableFacts(int(row.estimate), int(row.size), True) for row in session.all(_TABLES)}


def server_facts(session: Session) -> ServerFacts:
    """Ask the server; nothing is changed, and an ordinary user may do it."""
    (row,) = session.all(_FACTS)
    here = datetime.now(UTC).timestamp()
    grants = [found for text in (row[0] for row in session.all("SHOW GRANTS")) if (found := _GRANT.match(str(text)))]
    everywhere = [found["rights"].upper() for found in grants if found["where"] == "*.*"]
    superuser = any(rights.startswith("ALL") or "SUPER" in rights for rights in everywhere)
    patterns = [found["rights"].upper() for found in grants if "%" in found["where"]]
    others = session.all(_OTHERS)
    folder = _folder(session, Path(str(row.folder)))
    (connections,) = session.all("SHOW GLOBAL STATUS LIKE 'Threads_connected'")
    return ServerFacts(
        version=server_version(session),
        user=row.person,
        superuser=superuser,
        may_create_databases=any(
            rights.startswith("ALL") or re.search(r"\bCREATE\b(?! )", rights) for rights in everywhere + patterns
        ),
        leave_to_create=_leave_to_create(row.name, row.person),
        may_create_extensions=False,
        standby=bool(row.read_only),
        read_only=bool(row.read_only) and not superuser,
        encoding=row.encoding,
        loose_columns=(),
        unreadable=(),
        extensions=(),
        time_zone=row.zone,
        ahead=timedelta(seconds=float(row.clock) - here),
        connections=int(connections.Value),
        connection_limit=int(row.allowed),
        others=tuple(Client(each.program, each.machine, int(each.sessions)) for each in others),
        size=sum(facts.size for facts in table_facts(session).values()),
        free=None if folder is None else shutil.disk_usage(folder).free,
        folder=folder,
    )


def _leave_to_create(database: str, person: str) -> str:
    """Copies and proofs are called as their database, with something behind it; ``person`` is user@machine."""
    pattern = f"{database}_".replace("_", "\\_")
    user, _, machine = person.rpartition("@")
    return f"GRANT ALL ON `{pattern}%`.* TO '{user}'@'{machine}';"


def _folder(session: Session, folder: Path) -> Path | None:
    """The data folder, when server and tool share a machine and it can be seen."""
    (row,) = session.all("SELECT host FROM information_schema.processlist WHERE id = CONNECTION_ID()")
    if row.host.rpartition(":")[0] not in ("", *_HERE):
        return None
    try:
        shutil.disk_usage(folder)
    except OSError:
        return None
    return folder
