"""
The Carbon registry, as rows of the shared database: read, write, list, copy.

What changes many resources is a tuple of engine operations that work from a *stage* which the step has filled before:

- ``copy_folders(stage, started)``: columns ``tenant_id``, ``source_folder``, ``target_folder``. Recursive, with media
  types, properties, tags, comments and ratings; missing folders above are made, REG_PATH rows taken up again. New
  UUIDs are ``resource_uuid(tenant_id, path)``, so a revision's is ``resource_uuid(tenant_id, f"{target_folder}/api")``.
- ``copy_files(stage, started)``: columns ``tenant_id``, ``source_folder``, ``source_name``, ``target_folder``,
  ``target_name``, ``media_type`` (NULL keeps the source's).

All belong into a step of database ``shared``. What is there already stays as it is: doing it twice changes nothing.
"""

from apim_upgrade.registry.copying import copy_files, copy_folders
from apim_upgrade.registry.folders import DATABASE, make_folders
from apim_upgrade.registry.log import INDEXING, Action, log
from apim_upgrade.registry.paths import (
    API_MEDIA_TYPE,
    ARTIFACT,
    DOCUMENT_MEDIA_TYPE,
    PROVIDERS,
    REVISIONS,
    SYSTEM_USER,
    C,
    D,
    G,
    join,
    provider_in_path,
    provider_in_tables,
    resource_uuid,
    split,
)
from apim_upgrade.registry.tables import CONTENT, LOG, PATH, RESOURCE

__all__ = [
    "API_MEDIA_TYPE",
    "ARTIFACT",
    "CONTENT",
    "DATABASE",
    "DOCUMENT_MEDIA_TYPE",
    "INDEXING",
    "LOG",
    "PATH",
    "PROVIDERS",
    "RESOURCE",
    "REVISIONS",
    "SYSTEM_USER",
    "Action",
    "C",
    "D",
    "G",
    "copy_files",
    "copy_folders",
    "join",
    "log",
    "make_folders",
    "provider_in_path",
    "provider_in_tables",
    "resource_uuid",
    "split",
]
