"""Tables of the section ``registry``: resources and what hangs on them."""

from __future__ import annotations

from sqlalchemy import DateTime, Integer, LargeBinary, String, column, table

PATH = table(
    "reg_path",
    column("reg_path_id", Integer),
    column("reg_path_value", String),
    column("reg_path_parent_id", Integer),
    column("reg_tenant_id", Integer),
)
"""A row per folder; it may outlive the folder, which exists only with its row of :data:`RESOURCE`."""

RESOURCE = table(
    "reg_resource",
    column("reg_path_id", Integer),
    column("reg_name", String),
    column("reg_version", Integer),
    column("reg_media_type", String),
    column("reg_creator", String),
    column("reg_created_time", DateTime),
    column("reg_last_updator", String),
    column("reg_last_updated_time", DateTime),
    column("reg_description", String),
    column("reg_content_id", Integer),
    column("reg_tenant_id", Integer),
    column("reg_uuid", String),
)
"""A row per file (``reg_path_id`` is its folder) and one per folder (its own id, ``reg_name`` NULL)."""

CONTENT = table(
    "reg_content",
    column("reg_content_id", Integer),
    column("reg_content_data", LargeBinary),
    column("reg_tenant_id", Integer),
)
LOG = table(
    "reg_log",
    column("reg_log_id", Integer),
    column("reg_path", String),
    column("reg_user_id", String),
    column("reg_logged_time", DateTime),
    column("reg_action", Integer),
    column("reg_action_data", String),
    column("reg_tenant_id", Integer),
)
"""What the search indexer reads, so a resource without a row here cannot be found in the portals."""

PROPERTY = table(
    "reg_property",
    column("reg_id", Integer),
    column("reg_name", String),
    column("reg_value", String),
    column("reg_tenant_id", Integer),
)
RESOURCE_PROPERTY = table(
    "reg_resource_property",
    column("reg_property_id", Integer),
    column("reg_version", Integer),
    column("reg_path_id", Integer),
    column("reg_resource_name", String),
    column("reg_tenant_id", Integer),
)
TAG = table(
    "reg_tag",
    column("reg_id", Integer),
    column("reg_tag_name", String),
    column("reg_user_id", String),
    column("reg_tagged_time", DateTime),
    column("reg_tenant_id", Integer),
)
RESOURCE_TAG = table(
    "reg_resource_tag",
    column("reg_tag_id", Integer),
    column("reg_version", Integer),
    column("reg_path_id", Integer),
    column("reg_resource_name", String),
    column("reg_tenant_id", Integer),
)
COMMENT = table(
    "reg_comment",
    column("reg_id", Integer),
    column("reg_comment_text", String),
    column("reg_user_id", String),
    column("reg_commented_time", DateTime),
    column("reg_tenant_id", Integer),
)
RESOURCE_COMMENT = table(
    "reg_resource_comment",
    column("reg_comment_id", Integer),
    column("reg_version", Integer),
    column("reg_path_id", Integer),
    column("reg_resource_name", String),
    column("reg_tenant_id", Integer),
)
RATING = table(
    "reg_rating",
    column("reg_id", Integer),
    column("reg_rating", Integer),
    column("reg_user_id", String),
    column("reg_rated_time", DateTime),
    column("reg_tenant_id", Integer),
)
RESOURCE_RATING = table(
    "reg_resource_rating",
    column("reg_rating_id", Integer),
    column("reg_version", Integer),
    column("reg_path_id", Integer),
    column("reg_resource_name", String),
    column("reg_tenant_id", Integer),
)
ATTACHMENTS = (
    (PROPERTY, RESOURCE_PROPERTY),
    (TAG, RESOURCE_TAG),
    (COMMENT, RESOURCE_COMMENT),
    (RATING, RESOURCE_RATING),
)
"""What hangs on a resource: (values, links). The first column of either is the value's id."""
