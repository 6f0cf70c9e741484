"""
Writes an H2 database: run as a process of its own, with the jar and the file's path; the rest comes on standard input.

Standard input holds pickled messages: a list of statements, then (table, columns, rows) again and again, then None.
The database stays open until it ends.
"""

from __future__ import annotations

import pickle
import sys
from datetime import date
from typing import Any

import jpype

from apim_upgrade.databases.h2.java import find_java


def main(jar: str, path: str, settings: str) -> None:
    quick = ("-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "--enable-native-access=ALL-UNNAMED")
    jpype.startJVM(str(find_java()), *quick, classpath=[jar], convertStrings=True)
    login = jpype.JClass("java.util.Properties")()
    login.setProperty("user", "wso2carbon")
    login.setProperty("password", "wso2carbon")
    connection = jpype.JClass("org.h2.Driver")().connect(f"jdbc:h2:{path}{settings}", login)
    connection.setAutoCommit(False)
    statement = connection.createStatement()
    for text in pickle.load(sys.stdin.buffer):
        statement.execute(text)
    while (message := pickle.load(sys.stdin.buffer)) is not None:
        table, columns, rows = message
        insert = connection.prepareStatement(
            f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})"
        )
        for row in rows:
            for number, value in enumerate(row, 1):
                bind(insert, number, value)
            insert.addBatch()
        insert.executeBatch()
    connection.commit()
    print("written", flush=True)
    sys.stdin.buffer.read()
    connection.close()


def bind(insert: Any, number: int, value: Any) -> None:
    if value is None:
        insert.setNull(number, 0)
    elif isinstance(value, bool):
        insert.setBoolean(number, value)
    elif isinstance(value, int):
        insert.setLong(number, value)
    elif isinstance(value, bytes):
        insert.setBytes(number, value)
    elif isinstance(value, date):
        insert.setString(number, value.isoformat(" ") if hasattr(value, "hour") else value.isoformat())
    else:
        insert.setString(number, value)


if __name__ == "__main__":
    main(*sys.argv[1:])
