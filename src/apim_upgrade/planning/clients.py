"""The vendors' own clients, by whose rules a script is written."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Client:
    """One command-line client."""

    vendor: str
    run: str
    """How it runs a file."""
    opening: tuple[str, ...]
    """What a script begins with: stop at the first error, take text as it is."""
    end: str
    """The line that sends what stands before it."""
    begin: str
    """What opens a transaction; empty where one is always open."""
    commit: str


CLIENTS = {
    "oracle": Client(
        "Oracle",
        "sqlplus -L owner@service @FILE",
        (
            "WHENEVER OSERROR EXIT FAILURE ROLLBACK",
            "WHENEVER SQLERROR EXIT FAILURE ROLLBACK",
            "SET DEFINE OFF",
            "SET SQLBLANKLINES ON",
            "SET ECHO OFF",
        ),
        "/",
        "",
        "COMMIT",
    ),
    "mssql": Client(
        "SQL Server",
        "sqlcmd -b -I -S server -d database -i FILE",
        (
            ":ON ERROR EXIT",
            "SET XACT_ABORT ON;",
            "SET NOCOUNT ON;",
            "SET QUOTED_IDENTIFIER ON;",
            "SET DATEFORMAT ymd;",
            "GO",
        ),
        "GO",
        "BEGIN TRANSACTION",
        "COMMIT TRANSACTION",
    ),
    "db2": Client(
        "DB2",
        "db2 connect to DATABASE && db2 -td@ -svf FILE",
        ("UPDATE COMMAND OPTIONS USING C OFF S ON@",),
        "@",
        "",
        "COMMIT",
    ),
}
"""By the kind that catalogues have."""
