"""The Carbon registry's rows: folders, files, properties, tags, rights, log, as a server leaves them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

from apim_upgrade.registry.paths import SYSTEM_USER
from apim_upgrade.samples.estate import Estate, Tenant
from apim_upgrade.samples.tenants import grant, registry_action

ADD, UPDATE, TAG, COPY, ASSOCIATE, ASPECT = 0, 1, 4, 11, 15, 17
"""Actions of REG_LOG."""


@dataclass(frozen=True, slots=True)
class Folder:
    """A folder of a tenant's registry."""

    tenant: Tenant
    path: str
    id: int


@dataclass(frozen=True, slots=True)
class Visibility:
    """Who may read a resource; no roles: everybody."""

    roles: tuple[str, ...] = ()

    @property
    def allowed(self) -> tuple[str, ...]:
        """Roles with the right."""
        return self.roles or ("INTERNAL/everyone", "SYSTEM/wso2.anonymous.role")

    @property
    def denied(self) -> tuple[str, ...]:
        """Roles that are refused."""
        return ("INTERNAL/everyone", "SYSTEM/wso2.anonymous.role") if self.roles else ()


PUBLIC = Visibility()


@dataclass(frozen=True, slots=True)
class File:
    """A file below some folder; ``path`` is relative and may lead through folders."""

    path: str
    media_type: str | None
    content: bytes | None
    properties: tuple[tuple[str, str], ...] = ()
    tags: tuple[str, ...] = ()
    uuid: str = ""
    visibility: Visibility | None = None
    """None: it inherits the rights of its folder."""
    log: tuple[int, ...] = (ADD, UPDATE)


class Registry:
    """Writes resources; folders that tenants share among resources are made once."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._kept: dict[tuple[int, str], Folder] = {}

    def folder(self, tenant: Tenant, path: str, user: str = SYSTEM_USER) -> Folder:
        """The folder at a full path, made with every folder above it when it is not there; remembered."""
        known = self._kept.get((tenant.id, path))
        if known is None:
            above, _, name = path.rpartition("/")
            parent = None if path == "/" else self.folder(tenant, above or "/", user)
            known = self._kept[tenant.id, path] = self._make(tenant, parent, name, user)
        return known

    def new_folder(self, parent: Folder, name: str, user: str = SYSTEM_USER) -> Folder:
        """A folder that nobody else will ask for; not remembered."""
        return self._make(parent.tenant, parent, name, user)

    def write(self, base: Folder, files: Iterable[File], user: str = SYSTEM_USER) -> None:
        """Write files, with the folders on their way, below ``base``."""
        folders = {"": base}
        for file in files:
            *parts, name = file.path.split("/")
            for depth in range(1, len(parts) + 1):
                way = "/".join(parts[:depth])
                if way not in folders:
                    folders[way] = self.new_folder(folders["/".join(parts[: depth - 1])], parts[depth - 1], user)
            self._file(folders["/".join(parts)], name, file, user)

    def log(self, tenant: Tenant, path: str, user: str, action: int, data: str | None, when: datetime) -> None:
        """Write a line of the log that the indexer follows."""
        shared = self._estate.shared
        shared.add(
            "reg_log",
            reg_log_id=shared.number("reg_log", "reg_log_id"),
            reg_path=path,
            reg_user_id=user,
            reg_logged_time=when,
            reg_action=action,
            reg_action_data=data,
            reg_tenant_id=tenant.id,
        )

    def associate(self, tenant: Tenant, source: str, target: str, kind: str, user: str) -> None:
        """Write an association, with its line in the log."""
        shared = self._estate.shared
        shared.add(
            "reg_association",
            reg_association_id=shared.number("reg_association", "reg_association_id"),
            reg_sourcepath=source,
            reg_targetpath=target,
            reg_association_type=kind,
            reg_tenant_id=tenant.id,
        )
        self.log(tenant, source, user, ASSOCIATE, f"{kind};{target}", self._estate.clock.now())

    def permit(self, tenant: Tenant, path: str, visibility: Visibility) -> None:
        """Write who may read a resource."""
        grant(self._estate, tenant, path, registry_action("get"), visibility.allowed, visibility.denied)

    def _make(self, tenant: Tenant, parent: Folder | None, name: str, user: str) -> Folder:
        shared, now = self._estate.shared, self._estate.clock.now()
        number = shared.number("reg_path", "reg_path_id")
        path = "/" if parent is None else f"{parent.path.rstrip('/')}/{name}"
        shared.add(
            "reg_path",
            reg_path_id=number,
            reg_path_value=path,
            reg_path_parent_id=-1 if parent is None else parent.id,
            reg_tenant_id=tenant.id,
        )
        self._resource(tenant, number, None, None, None, "", path, user, now, now)
        if path.count("/") > 1:  # neither the root nor /_system is logged
            self.log(tenant, path, user, ADD, None, now)
        return Folder(tenant, path, number)

    def _file(self, folder: Folder, name: str, file: File, user: str) -> None:
        shared, clock, tenant = self._estate.shared, self._estate.clock, folder.tenant
        path = f"{folder.path.rstrip('/')}/{name}"
        content_id = None
        if file.content is not None:
            content_id = shared.number("reg_content", "reg_content_id")
            shared.add(
                "reg_content",
                reg_content_id=content_id,
                reg_content_data=file.content,
                reg_tenant_id=tenant.id,
            )
        created = updated = clock.now()
        for action in file.log:
            updated = clock.now()
            self.log(tenant, path, user, action, "APILifeCycle" if action == ASPECT else None, updated)
        self._resource(tenant, folder.id, name, file.media_type, content_id, file.uuid, path, user, created, updated)
        for key, value in file.properties:
            number = shared.number("reg_property", "reg_id")
            shared.add("reg_property", reg_id=number, reg_name=key, reg_value=value, reg_tenant_id=tenant.id)
            shared.add(
                "reg_resource_property",
                reg_property_id=number,
                reg_version=None,
                reg_path_id=folder.id,
                reg_resource_name=name,
                reg_tenant_id=tenant.id,
            )
        for tag in file.tags:
            number = shared.number("reg_tag", "reg_id")
            day = created.replace(hour=0, minute=0, second=0, microsecond=0)
            shared.add(
                "reg_tag",
                reg_id=number,
                reg_tag_name=tag,
                reg_user_id=user,
                reg_tagged_time=day,
                reg_tenant_id=tenant.id,
            )
            shared.add(
                "reg_resource_tag",
                reg_tag_id=number,
                reg_version=None,
                reg_path_id=folder.id,
                reg_resource_name=name,
                reg_tenant_id=tenant.id,
            )
            self.log(tenant, path, user, TAG, tag, updated)
        if file.visibility is not None:
            self.permit(tenant, path, file.visibility)

    def _resource(
        self,
        tenant: Tenant,
        path_id: int,
        name: str | None,
        media_type: str | None,
        content_id: int | None,
        uuid: str,
        path: str,
        user: str,
        created: datetime,
        updated: datetime,
    ) -> None:
        shared = self._estate.shared
        shared.add(
            "reg_resource",
            reg_path_id=path_id,
            reg_name=name,
            reg_version=shared.number("reg_resource", "reg_version"),
            reg_media_type=media_type,
            reg_creator=user,
            reg_created_time=created,
            reg_last_updator=user,
            reg_last_updated_time=updated,
            reg_description=None,
            reg_content_id=content_id,
            reg_tenant_id=tenant.id,
            reg_uuid=uuid or self._estate.shape.uuid("resource", tenant.id, path, name),
        )


def copied(file: File, uuid: str = "") -> File:
    """A file as it lies in a revision: same content, no rights of its own, logged once, no aspect."""
    return replace(file, uuid=uuid, visibility=None, log=(ADD,))
