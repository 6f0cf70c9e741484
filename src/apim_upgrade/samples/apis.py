"""APIs and products: rows of AM_API and what hangs on it, and the resources of the registry."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from apim_upgrade.registry.paths import API_MEDIA_TYPE, DOCUMENT_MEDIA_TYPE, PROVIDERS, REVISIONS, SYSTEM_USER, D
from apim_upgrade.samples.artifact import (
    artifact,
    auth_scheme,
    document_artifact,
    icon_path,
    version_comparable,
    wsdl_path,
)
from apim_upgrade.samples.certificates import stored_certificate
from apim_upgrade.samples.definitions import definition, graphql_schema, wsdl
from apim_upgrade.samples.estate import Estate
from apim_upgrade.samples.gateway_files import gateway_artifact
from apim_upgrade.samples.governance import Governance, write_scope
from apim_upgrade.samples.model import Api, Kind, Operation
from apim_upgrade.samples.registry import ADD, ASPECT, COPY, UPDATE, File, Folder, Registry, Visibility, copied
from apim_upgrade.samples.tenant_files import HISTORY, SHARED_SEQUENCES, sequence

_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000a49444154789c6360000000020001e221bc330000000049454e44ae426082"
)
_GRAPHQL_MEDIA_TYPE = "text/plain; charset=ISO-8859-1"
_OLD_ENVIRONMENT = "Production and Sandbox"
_CURRENT = "Current API"
"""How client certificates and product mappings name the working copy."""
_CHECKS = ("Deprecate old versions after publishing the API", "Requires re-subscription when publishing the API")
_DOCUMENTS = (
    ("Guide", "How To", "INLINE"),
    ("Notes", "Samples", "MARKDOWN"),
    ("Forum", "Public Forum", "URL"),
    ("Terms of use", "Other", "FILE"),
)


class Apis:
    """Writes APIs one after the other."""

    def __init__(self, estate: Estate, registry: Registry, governance: Mapping[int, Governance]) -> None:
        self._estate = estate
        self._registry = registry
        self._governance = governance
        self._scopes: set[tuple[int, str]] = set()

    def write(self, api: Api) -> None:
        """Write everything that a server keeps of one API."""
        created = self._estate.clock.now()
        deployed = self._estate.shape.revisions and api.state not in ("CREATED", "RETIRED")
        self._write_rows(api, created, revisions=int(deployed))
        self._write_operations(api, None)
        files = list(self._files(api))
        self._write_resources(api, files)
        if deployed:
            self._write_revision(api, files)

    def _write_rows(self, api: Api, created: datetime, *, revisions: int) -> None:
        am, shape, tenant = self._estate.am, self._estate.shape, api.tenant
        product = api.kind is Kind.PRODUCT
        am.add(
            "am_api",
            api_id=api.id,
            api_uuid=api.uuid,
            api_provider=api.owner,
            api_name=api.name,
            api_version=api.version,
            context=api.context,
            context_template=None if product else tenant.context(api.path),
            api_tier=api.level,
            api_type=api.kind.value,
            created_by=api.owner,
            created_time=created,
            updated_by=api.owner if api.saved else None,
            updated_time=self._estate.clock.now() if api.saved else None,
            status=api.state,
            revisions_created=revisions,
            organization=tenant.domain,
            version_comparable=version_comparable(api),
        )
        if api.default_version:
            am.add(
                "am_api_default_version",
                default_version_id=am.number("am_api_default_version", "default_version_id"),
                api_name=api.name,
                api_provider=api.owner,
                default_api_version=api.version,
                published_default_api_version=api.version if api.state == "PUBLISHED" else None,
                organization=tenant.domain,
            )
        if not product or not shape.before("4.2.0"):
            before = None
            for state in api.public_states:
                am.add(
                    "am_api_lc_event",
                    event_id=am.number("am_api_lc_event", "event_id"),
                    api_id=api.id,
                    previous_state=before,
                    new_state=state,
                    user_id=api.provider if before is None else tenant.publisher,
                    tenant_id=tenant.id,
                    event_date=self._estate.clock.now(),
                )
                before = state
        for scope in dict.fromkeys(scope for operation in api.operations for scope in operation.scopes):
            shared = scope in self._governance[tenant.id].shared_scopes
            if not product and not shared and (tenant.id, scope) not in self._scopes:
                self._scopes.add((tenant.id, scope))
                write_scope(self._estate, tenant, scope, "", ("admin", "Internal/creator"), shared=False)
        self._write_extras(api, None)

    def _write_extras(self, api: Api, revision: str | None) -> None:
        """What a revision has a copy of, besides operations."""
        am, shape = self._estate.am, self._estate.shape
        if api.certificate:
            am.add(
                "am_api_client_certificate",
                tenant_id=api.tenant.id,
                alias=f"client-{api.id}",
                api_id=api.id,
                certificate=stored_certificate("client.example"),
                removed=False,
                tier_name="Unlimited",
                revision_uuid=revision or _CURRENT,
            )
            if revision is None:
                am.add(
                    "am_certificate_metadata",
                    tenant_id=api.tenant.id,
                    alias=f"backend-{api.id}",
                    end_point=f"https://backend.example/{api.name.lower()}",
                    certificate=stored_certificate("backend.example"),
                )
        if api.kind is Kind.GRAPHQL:
            for field, value in (("hero", 3), ("reviews", 5)):
                am.add(
                    "am_graphql_complexity",
                    uuid=shape.uuid("complexity", api.uuid, revision, field),
                    api_id=api.id,
                    type="Query",
                    field=field,
                    complexity_value=value,
                    revision_uuid=revision,
                )

    def _write_operations(self, api: Api, revision: str | None) -> None:
        if api.kind is Kind.PRODUCT:
            self._write_product_operations(api, revision)
            return
        for operation in api.operations:
            am = self._estate.am
            number = operation.number if revision is None else am.number("am_api_url_mapping", "url_mapping_id")
            self._write_operation(api, operation, api.id, number, revision)

    def _write_product_operations(self, api: Api, revision: str | None) -> None:
        """From 4.0.0 a product has its own copies of its members' operations; before it refers to the members' rows."""
        am = self._estate.am
        for operation in api.operations:
            number = operation.number
            if self._estate.shape.revisions:
                number = am.number("am_api_url_mapping", "url_mapping_id")
                self._write_operation(api, operation, operation.member, number, revision or str(api.id))
            am.add(
                "am_api_product_mapping",
                api_product_mapping_id=am.number("am_api_product_mapping", "api_product_mapping_id"),
                api_id=api.id,
                url_mapping_id=number,
                revision_uuid=revision or _CURRENT,
            )

    def _write_operation(self, api: Api, operation: Operation, owner: int, number: int, revision: str | None) -> None:
        am = self._estate.am
        am.add(
            "am_api_url_mapping",
            url_mapping_id=number,
            api_id=owner,
            http_method=operation.verb,
            auth_scheme=auth_scheme(api, operation.secured, self._estate.shape),
            url_pattern=operation.target,
            throttling_tier=api.level or operation.tier,
            mediation_script=None,
            revision_uuid=revision,
        )
        for scope in operation.scopes:
            am.add(
                "am_api_resource_scope_mapping",
                scope_name=scope,
                url_mapping_id=number,
                tenant_id=api.tenant.id,
            )

    def _files(self, api: Api) -> Iterator[File]:
        """The files in the folder of the API's version."""
        shape, tenant = self._estate.shape, api.tenant
        visibility = Visibility(tuple(api.roles))
        visible_to = self._visible_to(api)
        yield File(
            "api",
            API_MEDIA_TYPE,
            artifact(api, api.state, self._environments(api), shape),
            tuple(self._properties(api, api.state)),
            api.tags,
            api.uuid,
            visibility,
            (ADD, UPDATE, ASPECT, UPDATE) if shape.before("4.2.0") else (ADD, UPDATE),
        )
        found = definition(api, shape)
        if found is not None:
            yield File(found[0], found[1], found[2], visibility=visibility)
        if api.kind is Kind.GRAPHQL:
            name = f"{api.file_name}.graphql"
            yield File(name, _GRAPHQL_MEDIA_TYPE, graphql_schema(), visibility=visibility if shape.revisions else None)
        if api.kind is Kind.SOAP and shape.revisions:
            yield File(f"{api.file_name}.wsdl", "text/xml", wsdl(api), visibility=visibility, log=(ADD,))
        if api.kind is Kind.SOAP_TO_REST:
            for flow in ("in", "out"):
                properties = (("method", "get"), ("resourcePath", "getPrice"))
                yield File(f"soap_to_rest/{flow}/getPrice_get.xml", "text/xml", sequence(flow), properties, log=(ADD,))
        if api.icon and shape.revisions:
            yield File("icon", "image/png", _PNG, visibility=Visibility(), log=(ADD,))
        for flow, name in api.sequences:
            if name not in SHARED_SEQUENCES.values():
                yield File(f"{flow}/{name}", "application/xml", sequence(name), log=(ADD,))
        for name, kind, source in _DOCUMENTS[: api.documents]:
            path = f"documentation/files/{name.lower()}.txt"
            link = tenant.resource_url(f"{self._version_path(api)}/{path}") if source == "FILE" else ""
            url = "https://docs.example/forum" if source == "URL" else ""
            properties = (("resource.source", "remote"), ("store_view_roles", visible_to))
            content = document_artifact(api, name, kind, source, url, link)
            yield File(f"documentation/{name}", DOCUMENT_MEDIA_TYPE, content, properties, visibility=visibility)
            if source in ("INLINE", "MARKDOWN"):
                text = f"<p>{name} of {api.name}</p>" if source == "INLINE" else f"# {name}\n\nof *{api.name}*\n"
                place = f"documentation/contents/{name}"
                yield File(place, "text/plain", text.encode(), properties[1:], visibility=visibility)
            elif source == "FILE":
                data = b"Use it well.\n"
                yield File(path, "application/force-download", data, properties[1:], visibility=visibility)

    def _write_resources(self, api: Api, files: list[File]) -> None:
        shape, tenant, registry = self._estate.shape, api.tenant, self._registry
        user = SYSTEM_USER if shape.revisions else api.provider
        provider = registry.folder(tenant, f"{PROVIDERS}/{api.folder_owner}", user)
        parent = registry.folder(tenant, f"{provider.path}/{api.name}", user)
        version = registry.new_folder(parent, api.version, user)
        registry.write(version, files, user)
        registry.associate(tenant, provider.path, f"{version.path}/api", "provides", user)
        visibility = Visibility(tuple(api.roles))
        if shape.revisions and api.kind is not Kind.PRODUCT:
            registry.permit(tenant, f"{version.path}/documentation/", visibility)
        elif api.kind is Kind.GRAPHQL:
            registry.permit(tenant, f"{version.path}/", visibility)
        if not shape.revisions:
            self._write_old_places(api, version, user)
        if shape.before("4.2.0"):
            self._write_history(api, version)

    def _write_old_places(self, api: Api, version: Folder, user: str) -> None:
        """What lay outside the API's folder before 4.0.0, and the associations of documents."""
        tenant, registry, shape = api.tenant, self._registry, self._estate.shape
        if api.kind is Kind.SOAP:
            file = File(f"{api.file_name}.wsdl", "application/wsdl+xml", wsdl(api), visibility=Visibility(), log=(ADD,))
            registry.write(registry.folder(tenant, wsdl_path(api, shape).rpartition("/")[0], user), [file], user)
        if api.icon:
            folder = registry.folder(tenant, f"{D}/icons/{api.folder_owner}/{api.name}", user)
            file = File("icon", "image/png", _PNG, visibility=Visibility(), log=(ADD,))
            assert icon_path(api, shape) == f"{folder.path}/{api.version}/icon"  # noqa: S101 - one knowledge, two places
            registry.write(registry.new_folder(folder, api.version, user), [file], user)
        for name, _, source in _DOCUMENTS[: api.documents]:
            place = f"{version.path}/documentation/{name}"
            registry.associate(tenant, f"{version.path}/api", place, "document", user)
            if source in ("INLINE", "MARKDOWN"):
                body = f"{version.path}/documentation/contents/{name}"
                registry.associate(tenant, place, body, "hasContent", user)
            elif source == "FILE":
                body = f"{version.path}/documentation/files/{name.lower()}.txt"
                registry.associate(tenant, place, body, "hasFile", user)

    def _write_history(self, api: Api, version: Folder) -> None:
        items = "".join(
            f'<item order="{order}" user="{api.provider}" aspect="APILifeCycle" state="{state.title()}" '
            f'originalPath="{version.path}/api" timestamp="2024-03-01 09:00:00.0">'
            '<action type="association" name=""/></item>'
            for order, state in reversed(list(enumerate(api.public_states)))
        )
        name = f"{version.path}/api".replace("/", "_")
        content = f"<lifecycleHistory>{items}</lifecycleHistory>".encode()
        properties = (("registry.lifecycle_history.order", str(len(api.public_states) - 1)),)
        folder = self._registry.folder(api.tenant, HISTORY)
        self._registry.write(folder, [File(f"_{name[1:]}", "application/xml", content, properties)])

    def _write_revision(self, api: Api, files: list[File]) -> None:
        am, shape, tenant, clock = self._estate.am, self._estate.shape, api.tenant, self._estate.clock
        revision = shape.uuid("revision", api.uuid, 1)
        edge = api.id % 4 == 0
        governance = self._governance[tenant.id]
        environment, host = (governance.environment, governance.host) if edge else ("Default", None)
        now = clock.now()
        am.add(
            "am_revision",
            id=1,
            api_uuid=api.uuid,
            revision_uuid=revision,
            description="First",
            created_time=now,
            created_by=None,
        )
        am.add("am_api_revision_metadata", api_uuid=api.uuid, revision_uuid=revision, api_tier=api.level)
        am.add(
            "am_deployment_revision_mapping",
            name=environment,
            vhost=host,
            revision_uuid=revision,
            display_on_devportal=not edge,
            deployed_time=clock.now(),
        )
        am.add(
            "am_gw_published_api_details",
            api_id=api.uuid,
            tenant_domain=tenant.domain,
            api_provider=None,
            api_name=api.name,
            api_version=api.version,
            api_type=api.kind.value if api.kind is Kind.PRODUCT else "http",
        )
        am.add(
            "am_gw_api_artifacts",
            api_id=api.uuid,
            revision_id=revision,
            artifact=gateway_artifact(api, shape),
            time_stamp=now.replace(microsecond=0),
        )
        am.add("am_gw_api_deployments", api_id=api.uuid, revision_id=revision, label=environment, vhost=host)
        self._write_operations(api, revision)
        self._write_extras(api, revision)
        base = self._registry.folder(tenant, REVISIONS)
        folder = self._registry.new_folder(self._registry.new_folder(base, api.uuid), "1")
        for _ in range(2):
            self._registry.log(tenant, self._version_path(api), SYSTEM_USER, COPY, f"{folder.path}/", now)
        first = "PUBLISHED" if api.kind is Kind.PRODUCT else "CREATED"
        content = artifact(api, first, self._environments(api), shape)
        kept = File("api", API_MEDIA_TYPE, content, tuple(self._properties(api, first)), api.tags)
        self._registry.write(folder, [copied(kept, revision), *(copied(file) for file in files[1:])])

    def _properties(self, api: Api, state: str) -> Iterator[tuple[str, str]]:
        shape = self._estate.shape
        publishers = ",".join(api.publisher_roles)
        if shape.revisions:
            yield "STATUS", "PUBLISHED" if api.kind is Kind.PRODUCT and shape.before("4.2.0") else "CREATED"
        elif state != "CREATED":
            yield "STATUS", state
        yield "publisher_roles", publishers.lower() or "null"
        yield "display_publisher_roles", publishers or "null"
        yield "publisher_access_control", "restricted" if publishers else "all"
        yield "store_view_roles", self._visible_to(api)
        yield "resource.source", "remote"
        for name, value in api.properties:
            yield f"api_meta.{name}", value
        if not shape.before("4.2.0"):
            return
        for name in ("registry.Aspects", "registry.LC.name", "registry.LC.name.APILifeCycle"):
            yield name, "APILifeCycle"
        yield "registry.lifecycle.APILifeCycle.state", state.title()
        yield "registry.lifecycle.APILifeCycle.lastStateUpdatedTime", "2024-03-01 09:00:00.000"
        if state in ("CREATED", "PROTOTYPED"):
            for index, check in enumerate(_CHECKS):
                item = f"registry.custom_lifecycle.checklist.option.APILifeCycle.{index}.item"
                for value in (f"status:{state.title()}", f"name:{check}", "value:false", f"order:{index}"):
                    yield item, value
                yield f"{item}.permission", f"{item}.permission"

    @staticmethod
    def _visible_to(api: Api) -> str:
        publishers = ",".join(api.publisher_roles).lower() or "null"
        return f"{publishers},{','.join(api.roles).lower()}" if api.roles else publishers

    def _environments(self, api: Api) -> str:
        if not self._estate.shape.revisions:
            return "none" if api.id % 9 == 8 else _OLD_ENVIRONMENT
        return "none" if api.kind is Kind.PRODUCT else f"Default,{self._governance[api.tenant.id].environment}"

    @staticmethod
    def _version_path(api: Api) -> str:
        return f"{PROVIDERS}/{api.folder_owner}/{api.name}/{api.version}"
