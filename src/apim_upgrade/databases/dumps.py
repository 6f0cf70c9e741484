"""Restores production dumps into a server of the tool's own, of the DBMS that they are of."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

import psycopg
import pymysql

from apim_upgrade.databases.address import Address
from apim_upgrade.databases.dump_forms import form_of, size_of
from apim_upgrade.databases.mysql.dumps import restore_mysql
from apim_upgrade.databases.mysql.embedded import EmbeddedMariaDB
from apim_upgrade.databases.postgresql.dumps import restore_postgres
from apim_upgrade.databases.postgresql.embedded import EmbeddedPostgres
from apim_upgrade.databases.telling import Say, quiet
from apim_upgrade.errors import ApimUpgradeError, EnvironmentProblem, ProjectError

Server = EmbeddedPostgres | EmbeddedMariaDB


def server_for(dumps: Iterable[Path], home: Path) -> Server:
    """
    Return a server, not started, that fits these dumps; its data are to lie in ``home``.

    Raises ProjectError when one is no dump or they are of several DBMS, EnvironmentProblem when there is no server.
    """
    found = {dump: form_of(dump).dbms for dump in dumps}
    if len(set(found.values())) > 1:
        raise ProjectError(
            f"{' and '.join(str(dump) for dump in found)} are dumps of different DBMS.",
            hint="Give those of one estate.",
        )
    if "mysql" in found.values():
        return EmbeddedMariaDB(home, durable=True)
    return EmbeddedPostgres(home, durable=True)


def restore(dump: Path, server: Server, name: str, say: Say = quiet) -> Address:
    """
    Restore a dump into the new database ``name``; return where its tables are.

    Raises ProjectError when the dump is none, cut off, or needs what the server has not, EnvironmentProblem when the
    disk is full, the server gives up, or a client program is missing.
    """
    form = form_of(dump)
    room = shutil.disk_usage(server.data).free
    if size_of(dump) > room:
        raise EnvironmentProblem(
            f"The dump {dump} has {size_of(dump) / 1e6:,.0f} MB, and {server.data} has room for {room / 1e6:,.0f} MB.",
            hint="Set run_folder in upgrade.toml to a larger disk.",
        )
    try:
        if isinstance(server, EmbeddedMariaDB):
            return restore_mysql(dump, form, server, name, say)
        return restore_postgres(dump, form, server, name, say)
    except (ApimUpgradeError, psycopg.Error, pymysql.MySQLError) as error:
        if isinstance(error, ApimUpgradeError) and server.answers():
            raise
        raise EnvironmentProblem(  # and not the dump's fault, whatever the client program said of it
            f"The {server.called} of our own gave up while {dump} was restored.",
            hint="See that the disk of run_folder has room, then rehearse again.",
        ) from error
