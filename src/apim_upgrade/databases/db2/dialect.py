"""SQLAlchemy's dialect for DB2, which a package of IBM brings."""

from __future__ import annotations

import logging

from sqlalchemy import Dialect

from apim_upgrade.errors import EnvironmentProblem


def db2_dialect() -> Dialect:
    """Return a new one. Raises EnvironmentProblem when the package is missing."""
    # It complains of a missing connection for every table that it writes down.
    logging.getLogger("ibm_db_sa").addHandler(logging.NullHandler())
    try:
        from ibm_db_sa.ibm_db import DB2Dialect_ibm_db  # type: ignore[import-untyped, unused-ignore]
    except ImportError:
        raise EnvironmentProblem(
            "Statements for DB2 are written by the package ibm-db-sa, which is not installed.",
            hint="Install it with: pip install 'apim-upgrade[db2]'",
        ) from None
    dialect: Dialect = DB2Dialect_ibm_db()
    return dialect
