"""API definitions: OpenAPI 3, Swagger 2, AsyncAPI, GraphQL SDL and WSDL of sample APIs."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from apim_upgrade.samples.model import Api, Kind, Operation
from apim_upgrade.samples.shape import Shape

_NS = "http://quotes.example"
GRAPHQL_OPERATIONS = (
    ("QUERY", "hero"),
    ("QUERY", "reviews"),
    ("MUTATION", "createReview"),
    ("SUBSCRIPTION", "reviewAdded"),
)
CHANNELS = ("/alerts", "/news/{topic}")
SOAP_OPERATION = ("GET", "/getPrice")


def definition(api: Api, shape: Shape) -> tuple[str, str, bytes] | None:
    """Return (file name, media type, content) of an API's main definition; None where the release keeps none."""
    if api.kind.streaming:
        return None if not shape.revisions else ("asyncapi.json", "application/json", _asyncapi(api))
    build = _swagger2 if api.kind in (Kind.SOAP, Kind.SOAP_TO_REST) else _openapi3
    return "swagger.json", "application/json", _json(build(api, shape))


def graphql_schema() -> bytes:
    """The SDL that the sample's GraphQL APIs have."""
    return (
        b"schema { query: Query mutation: Mutation subscription: Subscription }\n"
        b"type Query {\n  hero(episode: Episode): Character\n  reviews(episode: Episode!): [Review]\n}\n"
        b"type Mutation { createReview(episode: Episode, stars: Int!): Review }\n"
        b"type Subscription { reviewAdded(episode: Episode): Review }\n"
        b"enum Episode { NEWHOPE EMPIRE JEDI }\n"
        b"interface Character { id: ID! name: String! }\n"
        b"type Human implements Character { id: ID! name: String! height: Float }\n"
        b"type Review { episode: Episode stars: Int! commentary: String }\n"
    )


def wsdl(api: Api) -> bytes:
    """A WSDL 1.1 document with one operation."""
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<definitions name="{api.name}" targetNamespace="{_NS}/wsdl" '
        f'xmlns="http://schemas.xmlsoap.org/wsdl/" xmlns:soap="http://schemas.xmlsoap.org/wsdl/soap/" '
        f'xmlns:tns="{_NS}/wsdl" xmlns:x="{_NS}/xsd"><types><schema targetNamespace="{_NS}/xsd" '
        'xmlns="http://www.w3.org/2001/XMLSchema"><element name="PriceRequest"><complexType><all>'
        '<element name="symbol" type="string"/></all></complexType></element><element name="Price"><complexType><all>'
        '<element name="price" type="float"/></all></complexType></element></schema></types>'
        '<message name="In"><part name="body" element="x:PriceRequest"/></message>'
        '<message name="Out"><part name="body" element="x:Price"/></message>'
        '<portType name="Port"><operation name="GetPrice"><input message="tns:In"/><output message="tns:Out"/>'
        '</operation></portType><binding name="Binding" type="tns:Port">'
        '<soap:binding style="document" transport="http://schemas.xmlsoap.org/soap/http"/><operation name="GetPrice">'
        f'<soap:operation soapAction="{_NS}/GetPrice"/><input><soap:body use="literal"/></input><output>'
        '<soap:body use="literal"/></output></operation></binding><service name="Service">'
        '<port name="Port" binding="tns:Binding"><soap:address location="http://backend.example/quotes"/></port>'
        "</service></definitions>\n"
    ).encode()


def _json(document: object) -> bytes:
    return json.dumps(document, indent=2, separators=(",", " : "), ensure_ascii=False).encode()


def _info(api: Api) -> dict[str, Any]:
    info: dict[str, Any] = {"title": api.name, "version": api.version}
    return {"description": api.description, **info} if api.description else info


def _openapi3(api: Api, shape: Shape) -> dict[str, Any]:
    paths: dict[str, Any]
    if api.kind is Kind.GRAPHQL:
        payload = {"type": "object", "properties": {"Payload": {"type": "string"}}}
        post = {
            "requestBody": {"content": {"application/json": {"schema": payload}}, "required": True},
            "responses": {"200": {"description": "OK"}},
            "security": [{"default": []}],
            "x-auth-type": "Application & Application User",
            "x-throttling-tier": "Unlimited",
        }
        paths = {} if not shape.revisions else {"/": {"post": post}}
    else:
        paths = _paths(api.operations, swagger2=False)
    scopes = sorted({scope for operation in api.operations for scope in operation.scopes})
    implicit: dict[str, Any] = {
        "authorizationUrl": "https://test.com",
        "scopes": dict.fromkeys(scopes, ""),
        "x-scopes-bindings": dict.fromkeys(scopes, ""),
    }
    return {
        "openapi": "3.0.1",
        "info": _info(api),
        "servers": [{"url": "/"}],
        "security": [{"default": []}],
        "paths": paths,
        "components": {"securitySchemes": {"default": {"type": "oauth2", "flows": {"implicit": implicit}}}},
    }


def _swagger2(api: Api, shape: Shape) -> dict[str, Any]:
    del shape
    soap = {
        "consumes": ["text/xml", "application/soap+xml"],
        "parameters": [{"in": "body", "name": "SOAP Request", "required": True, "schema": {"type": "string"}}],
    }
    paths = _paths(api.operations, swagger2=True)
    if api.kind is Kind.SOAP:
        for item in paths.values():
            for operation in item.values():
                operation.update(soap)
    scheme = {"type": "oauth2", "authorizationUrl": "https://test.com", "flow": "implicit"}
    return {
        "swagger": "2.0",
        "info": _info(api),
        "security": [{"default": []}],
        "paths": paths,
        "securityDefinitions": {"default": scheme},
    }


def _paths(operations: Iterable[Operation], *, swagger2: bool) -> dict[str, Any]:
    paths: dict[str, Any] = {}
    for operation in operations:
        described: dict[str, Any] = {
            "responses": {"200": {"description": "OK"}},
            "security": [{"default": list(operation.scopes)}],
            "x-auth-type": "Application & Application User" if operation.secured else "None",
            "x-throttling-tier": operation.tier,
        }
        names = [part[1:-1] for part in operation.target.split("/") if part.startswith("{")]
        if names:
            text: dict[str, Any] = {"type": "string"}
            described["parameters"] = [
                {"name": name, "in": "path", "required": True, **(text if swagger2 else {"schema": text})}
                for name in names
            ]
        paths.setdefault(operation.target, {})[operation.verb.lower()] = described
    return paths


def _asyncapi(api: Api) -> bytes:
    flows: dict[str, Any] = {"subscribe": {}}
    if api.kind is Kind.WEBSOCKET:
        flows = {"publish": {}, **flows}
    document: dict[str, Any] = {"asyncapi": "2.0.0", "info": {"title": api.name, "version": api.version}}
    if api.kind is Kind.WEBSOCKET:
        document["servers"] = {"production": {"url": "ws://backend.example/ws", "protocol": "ws"}}
    return _json({**document, "channels": {operation.target: flows for operation in api.operations}})
