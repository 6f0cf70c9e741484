"""Where a MySQL database is, as JDBC URLs tell it, and what its errors mean to a person."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pymysql
import pytest
from sqlalchemy.exc import DBAPIError

from apim_upgrade.databases import Address, Database
from apim_upgrade.databases.mysql.problems import explain
from apim_upgrade.errors import EnvironmentProblem, ProjectError, StepFailed
from conftest import MariaServer


@pytest.mark.parametrize(
    ("url", "host", "port", "options"),
    [
        ("jdbc:mysql://db:3307/am?useSSL=false&amp=1", "db", 3307, (("ssl_mode", "disable"),)),
        ("jdbc:mysql://db/am?useSSL=true&requireSSL=true", "db", 3306, (("ssl_mode", "require"),)),
        ("jdbc:mysql://db/am?useSSL=true&verifyServerCertificate=true", "db", 3306, (("ssl_mode", "verify-ca"),)),
        ("jdbc:mysql://db/am?sslMode=VERIFY_IDENTITY", "db", 3306, (("ssl_mode", "verify-full"),)),
        (
            "jdbc:mariadb://db/am?sslMode=trust&serverSslCert=/c.pem",
            "db",
            3306,
            (("ssl_ca", "/c.pem"), ("ssl_mode", "require")),
        ),
        ("mysql://u:p%40w@/am?unix_socket=/run/s", "/run/s", 3306, ()),
        ("mysql+pymysql://u@db/am", "db", 3306, ()),
    ],
)
def test_urls_as_they_stand_in_deployment_toml(url: str, host: str, port: int, options: object) -> None:
    address = Address.parse(url)
    assert (address.kind, address.host, address.port, address.database) == ("mysql", host, port, "am")
    assert address.options == options
    assert "p@w" not in str(address)


def test_a_mode_of_tls_that_there_is_not() -> None:
    with pytest.raises(ProjectError, match="sslMode=maybe"):
        Address.parse("jdbc:mysql://db/am?sslMode=maybe")


def refused(address: Address) -> EnvironmentProblem:
    with pytest.raises(EnvironmentProblem) as problem, Database("am", address).read() as session:
        session.all("SELECT 1")
    assert "s3cret" not in str(problem.value)
    return problem.value


def test_logins_and_places_that_are_wrong(
    mysql_database: Callable[..., Database], mysql_databases: MariaServer
) -> None:
    here = mysql_database("am").address
    mysql_databases.execute("CREATE USER clerk IDENTIFIED BY 'x'")
    try:
        clerk = replace(here, username="clerk", password="s3cret-ü-漢")
        assert "password for database am" in refused(clerk).message
        assert "lacks a right: Access denied for user 'clerk'" in refused(replace(clerk, password="x")).message
    finally:
        mysql_databases.execute("DROP USER clerk")
    assert refused(here.at("nowhere")).message.startswith("There is no database am")
    assert "cannot be made or was lost" in refused(replace(here, host="/tmp/no-such-socket")).message
    assert "cannot be made or was lost" in refused(replace(here, host="127.0.0.1", port=1)).message


def test_a_session_that_the_server_ends(mysql_database: Callable[..., Database], mysql_databases: MariaServer) -> None:
    database = mysql_database("am")
    with pytest.raises(EnvironmentProblem, match="cannot be made or was lost"), database.write() as session:
        session.execute("CREATE TABLE T (ID INT)")
        mysql_databases.execute(f"KILL {session.all('SELECT CONNECTION_ID()')[0][0]}")
        session.execute("INSERT INTO T VALUES (1)")
    with database.read() as session:
        assert session.all("SELECT count(*) FROM T") == [(0,)]


def test_a_lock_that_the_server_ended_does_not_hide_why_work_stopped(
    mysql_database: Callable[..., Database], mysql_databases: MariaServer
) -> None:
    database = mysql_database("am")
    with pytest.raises(StepFailed, match="step of-ours stopped: a disk is full"), database.lock("run"):
        assert database.holder() is not None
        with database.read() as session:
            name = database.address.database
            others = session.all(
                f"SELECT id FROM information_schema.processlist WHERE db = '{name}' AND id <> CONNECTION_ID()"
            )
        mysql_databases.execute(*(f"KILL {row.id}" for row in others))
        raise StepFailed("of-ours", "a disk is full")


@pytest.mark.parametrize(
    ("number", "text", "told"),
    [
        (1205, "Lock wait timeout exceeded", "A lock on it could not be had"),
        (1213, "Deadlock found", "A lock on it could not be had"),
        (1114, "The table 'X' is full", "The disk of it is full"),
        (3, "Error writing file '/tmp/x' (Errcode: 28 \"No space left on device\")", "The disk of it is full"),
        (1005, 'Can\'t create table `a`.`B` (errno: 135 "No more room in record file")', "The disk of it is full"),
        (1290, "The server is running with the --read-only option", "it is read only"),
        (
            1062,
            "Duplicate entry 's3cret' for key 'PRIMARY'",
            r"rows do not fit \(Duplicate entry … for key 'PRIMARY'\)",
        ),
        (1366, "Incorrect string value: '\\xE2' for column `a`", "does not fit the character set of a column"),
        (1305, "FUNCTION d.md5 does not exist", "has not got a function"),
        (2003, "Can't connect (Name or service not known)", "The host of it is not known"),
        (4444, "Something new.", "the server answered 4444: Something new"),
    ],
)
def test_errors_are_one_sentence_without_values(number: int, text: str, told: str) -> None:
    problem = explain(DBAPIError("INSERT", None, pymysql.err.OperationalError(number, text)), "it")
    assert "s3cret" not in str(problem)
    with pytest.raises(EnvironmentProblem, match=told):
        raise problem
