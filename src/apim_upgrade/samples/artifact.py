"""The ``api`` artifact: the XML document that the registry keeps of every API and product."""

from __future__ import annotations

import json
from html import escape

from apim_upgrade.registry.paths import D
from apim_upgrade.samples.model import Api, Kind
from apim_upgrade.samples.shape import Shape
from apim_upgrade.samples.stock import document

_CORS_HEADERS = ["authorization", "Access-Control-Allow-Origin", "Content-Type", "SOAPAction", "apikey"]
_METHODS = ["GET", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"]


def artifact(api: Api, state: str, shown: str, shape: Shape) -> bytes:
    """
    Return the artifact of an API in a state, as a server of the release writes it.

    ``shown`` is the value of ``overview_environments``.
    """
    fields = dict.fromkeys(document("artifact")["empty"], "") | {
        "provider": api.folder_owner,
        "name": api.name,
        "version": api.version,
        "versionType": "context",
        "context": api.context,
        "contextTemplate": f"{api.tenant.context(api.path)}/{{version}}",
        "type": api.kind.value,
        "status": state,
        "description": api.description,
        "visibility": "restricted" if api.roles else "public",
        "visibleRoles": ",".join(api.roles),
        "tier": "||".join(api.tiers),
        "transports": "http,https",
        "environments": shown,
        "endpointConfig": _endpoint(api),
        "endpointSecured": "false",
        "endpointAuthDigest": "false",
        "enableSchemaValidation": "false",
        "enableStore": "true",
        "authorizationHeader": "Authorization",
        "apiSecurity": "oauth2,mutualssl,oauth_basic_auth_api_key_mandatory"
        if api.certificate
        else "oauth2,oauth_basic_auth_api_key_mandatory",
        "subscriptionAvailability": "current_tenant",
        "responseCaching": "Disabled",
        "cacheTimeout": "300",
        "advertiseOnly": "false",
        "implementation": "ENDPOINT",
        "apiOwner": api.owner,
        "keyManagers": '["all"]',
        "corsConfiguration": json.dumps(
            {
                "corsConfigurationEnabled": False,
                "accessControlAllowOrigins": ["*"],
                "accessControlAllowCredentials": False,
                "accessControlAllowHeaders": _CORS_HEADERS,
                "accessControlAllowMethods": _METHODS,
            },
            separators=(",", ":"),
        ),
    }
    if api.latest and api.subscribable:
        fields["isLatest"] = "true"
    for flow, name in api.sequences:
        fields[f"{flow}Sequence"] = name
    if api.icon:
        fields["thumbnail"] = api.tenant.resource_url(icon_path(api, shape))
    if api.kind is Kind.SOAP:
        fields["wsdl"] = api.tenant.resource_url(wsdl_path(api, shape))
    if not shape.revisions:
        fields |= {"deployments": "null", "isDefaultVersion": str(api.default_version).lower()}
    else:
        webhook = '{"enable":true,"secret":"","signingAlgorithm":"SHA1","signatureHeader":"x-hub-signature"}'
        fields |= {
            "vendor": "",
            "websubSubscriptionConfiguration": webhook if api.kind is Kind.WEBSUB else "null",
            "wsUriMapping": "{}" if api.kind is Kind.WEBSOCKET else "null",
        }
    if shape.configuration_in_database:
        fields |= {
            "versionComparable": version_comparable(api),
            "gatewayVendor": "wso2",
            "audience": "null",
            "asyncTransportProtocols": "[]",
            "apiExternalProductionEndpoint": "",
            "apiExternalSandboxEndpoint": "",
            "enableSubscriberVerification": "false",
        }
    if api.kind is Kind.PRODUCT:
        absent = document("artifact")["absent_in_products"]
        fields = {name: value for name, value in fields.items() if name not in absent}
    parts = ['<metadata xmlns="http://www.wso2.org/governance/metadata"><overview>', *_leaves(fields), "</overview>"]
    if not shape.revisions and api.kind is not Kind.PRODUCT:
        parts += ["<URITemplate>", *_leaves(_uri_template(api, shape)), "</URITemplate>"]
    parts += [f"<apiCategories><categoryName>{escape(name)}</categoryName></apiCategories>" for name in api.categories]
    parts += [f"<labels><labelName>{escape(name)}</labelName></labels>" for name in api.labels]
    parts.append("<monetizationProperties>{}</monetizationProperties>")
    parts.append("<isMonetizationEnabled>false</isMonetizationEnabled></metadata>")
    return "".join(parts).encode()


def document_artifact(api: Api, name: str, kind: str, source: str, url: str, path: str) -> bytes:
    """Return the artifact of a document; ``kind`` is the display text, ``source`` INLINE, MARKDOWN, URL or FILE."""
    fields = {
        "summary": f"Summary of {name}",
        "sourceURL": url or " ",
        "visibility": "API_LEVEL",
        "sourceType": source,
        "filePath": path,
        "otherTypeName": "",
        "apiBasePath": f"{api.folder_owner}/{api.name}/{api.version}",
        "name": name,
        "type": kind,
    }
    leaves = "".join(_leaves(fields))
    return (
        f'<metadata xmlns="http://www.wso2.org/governance/metadata"><overview>{leaves}</overview></metadata>'.encode()
    )


def icon_path(api: Api, shape: Shape) -> str:
    """Where the release keeps the thumbnail of an API."""
    above = f"{D}/icons" if not shape.revisions else f"{D}/provider"
    return f"{above}/{api.folder_owner}/{api.name}/{api.version}/icon"


def wsdl_path(api: Api, shape: Shape) -> str:
    """Where the release keeps the WSDL of an API."""
    above = f"{D}/wsdls" if not shape.revisions else f"{D}/provider/{api.folder_owner}/{api.name}/{api.version}"
    return f"{above}/{api.file_name}.wsdl"


def version_comparable(api: Api) -> str:
    """A stamp by which versions of one API sort."""
    return str(1_709_280_000_000 + api.id * 86_400)


def _leaves(fields: dict[str, str]) -> list[str]:
    return [f"<{name}>{escape(value, quote=False)}</{name}>" for name, value in fields.items()]


def _endpoint(api: Api) -> str:
    if api.kind is Kind.WEBSUB:
        return ""
    scheme, kind = ("ws", "ws") if api.kind is Kind.WEBSOCKET else ("https", "http")
    url = f"{scheme}:\\/\\/backend.example\\/{api.name.lower()}"
    sandbox, production = f'{{"url":"{url}?a=1&b=2"}}', f'{{"url":"{url}"}}'
    return f'{{"endpoint_type":"{kind}","sandbox_endpoints":{sandbox},"production_endpoints":{production}}}'


def _uri_template(api: Api, shape: Shape) -> dict[str, str]:
    fields = {}
    for index, operation in enumerate(api.operations):
        fields[f"urlPattern{index}"] = operation.target
        fields[f"httpVerb{index}"] = operation.verb
        fields[f"authType{index}"] = auth_scheme(api, operation.secured, shape)
    return fields


def auth_scheme(api: Api, secured: bool, shape: Shape) -> str:
    """AM_API_URL_MAPPING.AUTH_SCHEME as the release writes it."""
    if not secured:
        return "None"
    rest = api.kind in (Kind.HTTP, Kind.SOAP, Kind.SOAP_TO_REST, Kind.PRODUCT)
    return "Application & Application User" if not shape.revisions and rest else "Any"
