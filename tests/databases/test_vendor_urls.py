"""URLs of Oracle, SQL Server and DB2 as deployment.toml and SQLAlchemy have them."""

from __future__ import annotations

import pytest

from apim_upgrade.databases import Address
from apim_upgrade.errors import ProjectError

DESCRIPTION = "(DESCRIPTION=(ADDRESS=(PROTOCOL=TCP)(HOST=ora.example)(PORT=1522))(CONNECT_DATA=(SERVICE_NAME=apim)))"


@pytest.mark.parametrize(
    ("url", "place", "options"),
    [
        ("jdbc:oracle:thin:@//ora.example:1522/apim", ("ora.example", 1522, "apim"), {}),
        ("jdbc:oracle:thin:@ora.example/apim.example.org", ("ora.example", 1521, "apim.example.org"), {}),
        ("jdbc:oracle:thin:@ora.example:1521:ORCL", ("ora.example", 1521, "ORCL"), {"sid": "ORCL"}),
        ("jdbc:oracle:thin:@tcps://ora.example:2484/apim", ("ora.example", 2484, "apim"), {"protocol": "tcps"}),
        (f"jdbc:oracle:thin:@{DESCRIPTION}", ("ora.example", 1522, "apim"), {"dsn": DESCRIPTION}),
        ("jdbc:oracle:oci:@APIM_DB", ("", 0, "APIM_DB"), {"dsn": "APIM_DB"}),
        ("oracle://wso2:pw@ora.example/apim", ("ora.example", 1521, "apim"), {}),
        ("oracle+oracledb://wso2:pw@ora.example/?service_name=apim", ("ora.example", 1521, "apim"), {}),
        ("oracle://wso2:pw@ora.example/?sid=ORCL", ("ora.example", 1521, "ORCL"), {"sid": "ORCL"}),
        ("jdbc:sqlserver://sql.example:1434;databaseName=apim_db", ("sql.example", 1434, "apim_db"), {}),
        (
            "jdbc:sqlserver://sql.example;DatabaseName=a;encrypt=true",
            ("sql.example", 1433, "a"),
            {"encryption": "require"},
        ),
        ("jdbc:sqlserver://sql.example\\APIM;database=a", ("sql.example", 1433, "a"), {"instance": "APIM"}),
        ("jdbc:sqlserver://sql.example\\APIM:1500;database=a", ("sql.example", 1500, "a"), {}),
        ("jdbc:sqlserver://;serverName=sql.example;portNumber=1500;database=a", ("sql.example", 1500, "a"), {}),
        ("jdbc:jtds:sqlserver://sql.example:1433/apim_db", ("sql.example", 1433, "apim_db"), {}),
        ("mssql+pymssql://wso2:pw@sql.example/apim_db", ("sql.example", 1433, "apim_db"), {}),
        ("jdbc:db2://db2.example:50001/APIM", ("db2.example", 50001, "APIM"), {}),
        ("jdbc:db2://db2.example/APIM:sslConnection=true;", ("db2.example", 50000, "APIM"), {"Security": "SSL"}),
        ("ibm_db_sa://wso2:pw@db2.example:50000/APIM", ("db2.example", 50000, "APIM"), {}),
        ("db2+ibm_db://wso2:pw@db2.example/APIM", ("db2.example", 50000, "APIM"), {}),
    ],
)
def test_a_url_says_where_the_database_is(url: str, place: tuple[str, int, str], options: dict[str, str]) -> None:
    found = Address.parse(url, "wso2", "s3cret")
    assert (found.host, found.port, found.database) == place
    assert dict(found.options) == options
    assert (found.username, found.password) == ("wso2", "s3cret")
    assert found.only_read
    assert "s3cret" not in repr(found) + str(found)


@pytest.mark.parametrize(
    ("url", "user", "password"),
    [
        ("jdbc:oracle:thin:wso2/pw@//ora.example/apim", "wso2", "pw"),
        ("oracle://wso2:p%40w@ora.example/apim", "wso2", "p@w"),
        ("jdbc:sqlserver://sql.example;databaseName=a;user=wso2;password={p;w}}};", "wso2", "p;w}"),
        ("mssql://wso2:p%40w@sql.example/a", "wso2", "p@w"),
        ("jdbc:db2://db2.example/APIM:user=wso2;password=pw;", "wso2", "pw"),
        ("db2://wso2:p%40w@db2.example/APIM", "wso2", "p@w"),
    ],
)
def test_a_url_may_hold_the_login_and_another_one_comes_first(url: str, user: str, password: str) -> None:
    found = Address.parse(url)
    assert (found.username, found.password) == (user, password)
    assert (Address.parse(url, "other", "").username, Address.parse(url, "other", "").password) == ("other", "")


def test_two_users_of_one_database_have_their_own_tables() -> None:
    url = "jdbc:oracle:thin:@//ora.example/apim"
    assert Address.parse(url, "apim").schema == "APIM"
    assert Address.parse(url, "shared").schema == "SHARED"
    assert Address.parse("jdbc:db2://h/APIM:currentSchema=WSO2;", "apim").schema == "WSO2"
    assert str(Address.parse("jdbc:oracle:thin:@APIM_DB", "apim")) == "oracle:apim@APIM_DB"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("jdbc:oracle:thin:@ldap://directory/x", "URL of Oracle cannot be read"),
        ("jdbc:oracle:thin:@(DESCRIPTION=(nothing))", "URL of Oracle cannot be read"),
        ("oracle://host", "names no service"),
        ("oracle://host:port/x", "URL of Oracle cannot be read"),
        ("jdbc:sqlserver://sql.example", "names no host or no database"),
        ("jdbc:sqlserver://h;databaseName=a;integratedSecurity=true", "a login of the domain"),
        ("mssql://host", "names no host or no database"),
        ("mssql://host:port/x", "URL of SQL Server cannot be read"),
        ("jdbc:db2:APIM", "URL of DB2 names no host or no database"),
    ],
)
def test_a_url_that_cannot_be_read_is_one_sentence_with_the_right_form(url: str, told: str) -> None:
    with pytest.raises(ProjectError, match=told) as caught:
        Address.parse(url)
    assert caught.value.hint
