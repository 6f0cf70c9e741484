"""
The Carbon registry, as rows of the shared database: read, write, list, copy.

What changes many resources is a tuple of engine operations that work from a *stage* which the step has filled before:

- ``copy_folders(stage, started)``: columns ``tenant_id``, ``source_folder``, ``target_folder``. Recursive, with media
  types, properties, tags, comments and ratings; missing folders above are made, REG_PATH rows taken up again. New
  UUIDs are ``resource_uuid(tenant_id, path)``, so a revision's is ``resource_uuid(tenant_id, f"{target_folder}/api")``.
- ``copy_files(stage, started)``: columns ``tenant_id``, ``source_folder``, ``source_name``, ``target_folder``,
  ``target_name``, ``media_type`` (NULL keeps the source's).
- ``write_files(stage, started)``: columns ``tenant_id``, ``folder``, ``name``, ``media_type``, ``content``.
- ``replace_contents(stage, started)``: columns ``tenant_id``, ``content_id``, ``path``, ``content``; put only what
  differs into the stage.
- ``copy_rights(stage)``: columns ``tenant_id``, ``source_path``, ``target_path``; see ``rights_stage``.

Queries to stream: ``files()`` and ``artifacts()`` over all tenants; ``Artifact`` reads and edits the XML. Single
resources: ``read``, ``read_properties``, ``list_folder``.

All operations belong into a step of database ``shared``, but those on rights into one of user management's. What is
there already stays as it is: doing it twice changes nothing.
"""

from apim_upgrade.registry.artifact import Artifact, BrokenArtifact, xml_parser
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
from apim_upgrade.registry.reading import (
    artifacts,
    files,
    life_cycle_state,
    linked_path,
    linked_property,
    list_folder,
    read,
    read_properties,
    resource_path,
    working_artifact,
)

__all__ = [
    "API_MEDIA_TYPE",
    "ARTIFACT",
    "DATABASE",
    "DOCUMENT_MEDIA_TYPE",
    "INDEXING",
    "PROVIDERS",
    "REVISIONS",
    "SYSTEM_USER",
    "Action",
    "Artifact",
    "BrokenArtifact",
    "C",
    "D",
    "G",
    "artifacts",
    "copy_files",
    "copy_folders",
    "copy_rights",
    "files",
    "join",
    "life_cycle_state",
    "linked_path",
    "linked_property",
    "list_folder",
    "log",
    "make_folders",
    "provider_in_path",
    "provider_in_tables",
    "read",
    "read_properties",
    "replace_contents",
    "resource_path",
    "resource_uuid",
    "rights_stage",
    "split",
    "working_artifact",
    "write_files",
    "xml_parser",
]
from apim_upgrade.registry.writing import copy_rights, replace_contents, rights_stage, write_files
