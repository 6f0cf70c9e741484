"""
Tables that the tool keeps in the API-M database while it works, for data steps to join.

They carry what lies in *other* databases: tenants' domains (UM_TENANT) and one row per API artifact of the registry.
Where identity data are a database of their own, the tenants are listed there too. Filled by the prepare steps, dropped
by ``commit``. Every name begins with the journal's prefix, so that verification and customers can tell them from the
product's.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, MetaData, PrimaryKeyConstraint, String, Table, Text

_tables = MetaData()

TENANT = Table(
    "apim_upgrade_tenant",
    _tables,
    Column("tenant_id", Integer, primary_key=True, autoincrement=False),
    Column("domain", String(255), nullable=False),
    Column("active", Boolean, nullable=False),
)
"""Every tenant, the super tenant (-1234, carbon.super) included."""

ARTIFACT = Table(
    "apim_upgrade_artifact",
    _tables,
    Column("tenant_id", Integer, nullable=False),
    Column("api_uuid", String(100), nullable=False),
    Column("folder", Text, nullable=False),
    Column("folder_id", BigInteger, nullable=False),
    Column("content_id", BigInteger, nullable=False),
    Column("provider", String(256), nullable=False),
    Column("name", String(256), nullable=False),
    Column("version", String(60), nullable=False),
    Column("type", String(30), nullable=False),
    Column("context", String(512), nullable=False),
    Column("status", String(30), nullable=False),
    Column("environments", Text),
    Column("labels", Text),
    Column("endpoint_config", Text),
    PrimaryKeyConstraint("api_uuid", "tenant_id"),
    Index("apim_upgrade_artifact_key", "provider", "name", "version"),
    Index("apim_upgrade_artifact_context", "context"),
    Index("apim_upgrade_artifact_name", "name", "version"),
)
"""
One row per *working copy* (products too) under ``…/applicationdata/provider/``: ``folder`` is the full path of the
version's folder, ``folder_id`` its REG_PATH_ID, ``content_id`` the artifact's REG_CONTENT_ID; ``provider`` is in the
form AM_API has (``@``), ``status`` upper case (life-cycle property, else ``overview_status``, else ``CREATED``),
``environments`` the raw ``overview_environments`` (NULL when absent), ``labels`` a comma list, ``endpoint_config``
the raw JSON.
"""
