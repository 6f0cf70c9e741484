"""
WSDL documents and archives of them as the product judges them.

The product looks for one of two namespaces in the bytes, parses them without any external entity, and has wsdl4j 1.6.3
read WSDL 1.1: it follows the elements of WSDL and a few of its extensions, resolves prefixes and loads the schemas that
inline schemas point to. What the services, bindings and messages refer to may be absent. WSDL 2.0 is only parsed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

from lxml import etree

from apim_upgrade.definitions.kinds import ZIP
from apim_upgrade.definitions.model import Judgement, Kind, Message
from apim_upgrade.definitions.wsdl_archive import Archive, ArchiveFault

LIMIT = 32 * 1024 * 1024
"""Bytes of a document or an archive that are looked at; the product has no limit."""

_MOST = 200
_WSDL = "http://schemas.xmlsoap.org/wsdl/"
_WSDL_20 = "http://www.w3.org/ns/wsdl"
_SCHEMAS = tuple(f"http://www.w3.org/{version}/XMLSchema" for version in ("2001", "2000/10", "1999"))
_SOAP = ("http://schemas.xmlsoap.org/wsdl/soap/", "http://schemas.xmlsoap.org/wsdl/soap12/")
_MIME = "http://schemas.xmlsoap.org/wsdl/mime/"

_NO_PROCESSOR = "No WSDL processor found to process WSDL content"
_UNREADABLE = "Error while reading WSDL document"

Load = Callable[[str, str], tuple[str, etree._Element | None] | None]
"""Takes a location and the file that names it; gives the file found, with its root the first time it is asked for."""


@dataclass(frozen=True, slots=True)
class _Element:
    """An element of WSDL: what the reader calls it, its attributes, those of them that are QNames, its children."""

    context: str
    attributes: tuple[str, ...] = ()
    qnames: tuple[str, ...] = ()
    children: Mapping[str, _Element] = field(default_factory=dict)


_SENT = {name: _Element(name.capitalize(), ("name", "message"), ("message",)) for name in ("input", "output", "fault")}
_BOUND = {name: _Element(f"Binding{name.capitalize()}", ("name",)) for name in ("input", "output", "fault")}
_DEFINITIONS = _Element(
    "Definition",
    ("name", "targetNamespace"),
    children={
        "import": _Element("Import", ("namespace", "location")),
        "types": _Element("Types"),
        "message": _Element(
            "Message",
            ("name",),
            children={"part": _Element("Part", ("name", "type", "element"), ("element", "type"))},
        ),
        "portType": _Element(
            "PortType",
            ("name",),
            children={"operation": _Element("Operation", ("name", "parameterOrder"), children=_SENT)},
        ),
        "binding": _Element(
            "Binding",
            ("name", "type"),
            ("type",),
            {"operation": _Element("BindingOperation", ("name",), children=_BOUND)},
        ),
        "service": _Element(
            "Service", ("name",), children={"port": _Element("Port", ("name", "binding"), ("binding",))}
        ),
    },
)
_WITH_HEADERS = ("BindingInput", "BindingOutput")


def judge(text: bytes, release: str) -> Judgement:
    """Judge a document or a zip archive of documents; no release differs in what it takes."""
    if len(text) > LIMIT:
        return _judgement([Message("too-large", f"WSDLs of more than {LIMIT:,} bytes are not looked at")])
    found = _archive(text) if text.startswith(ZIP) else _document(text, "", _load_nothing)
    return _judgement(islice(found, _MOST))


def _judgement(messages: Iterator[Message] | list[Message]) -> Judgement:
    found = tuple(messages)
    return Judgement(Kind.WSDL, not found, found)


def _archive(text: bytes) -> Iterator[Message]:
    """Every document of an archive has to pass; schemas are looked for inside it."""
    try:
        archive = Archive(text)
        loader = _Loader(archive)
        names = [name for name in archive.names if name.lower().endswith(".wsdl")]
        if not names:
            yield Message("no-wsdl-in-archive", "No WSDL files found in the archive")
        for name in names:
            for message in _document(archive.read(name), name, loader):
                yield Message(message.code, f"{name}: {message.text}", line=message.line)
    except ArchiveFault as fault:
        yield Message(fault.code, str(fault))


def _document(text: bytes, name: str, load: Load) -> Iterator[Message]:
    if text.find(_WSDL.encode()) > 0:
        expected = f"{{{_WSDL}}}definitions"
    elif text.find(_WSDL_20.encode()) > 0:
        expected = f"{{{_WSDL_20}}}description"
    else:
        yield Message("no-processor", _NO_PROCESSOR)
        return
    root = _parse(text)
    if isinstance(root, Message):
        yield root
    elif root.tag != expected:
        yield _fault("wrong-root", root, "INVALID_WSDL", f"Expected element '{expected}'.")
    elif root.tag.startswith(f"{{{_WSDL}}}"):
        yield from _read(root, _DEFINITIONS, name, load)


def _parse(text: bytes) -> etree._Element | Message:
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
    try:
        return etree.fromstring(text, parser)
    except (etree.XMLSyntaxError, ValueError, LookupError) as error:
        told = " ".join((getattr(error, "msg", "") or str(error) or type(error).__name__).split())
        bound = getattr(error, "code", None) == etree.ErrorTypes.ERR_RESOURCE_LIMIT
        return Message(
            "too-large" if bound else "syntax", f"{_UNREADABLE} <- {told}", line=getattr(error, "lineno", None) or None
        )


def _read(node: etree._Element, kind: _Element, name: str, load: Load) -> Iterator[Message]:
    """Read an element of WSDL with everything below it, in the order of wsdl4j."""
    for attribute in kind.qnames:
        yield from _qname(node, attribute, required=False)
    for child in _children(node):
        namespace, local = _names(child)
        below = kind.children.get(local) if namespace == _WSDL else None
        if below is not None:
            yield from _read(child, below, name, load)
        elif namespace == _WSDL and local == "documentation":
            continue
        elif kind.context == "Types" and namespace in _SCHEMAS and local == "schema":
            yield from _schema(child, name, load)
        elif namespace in ("", _WSDL):
            text = f"Encountered illegal extension element '{_shown(child)}' in the context of a 'javax.wsdl."
            text += f"{kind.context}'. Extension elements must be in a namespace other than WSDL's."
            yield _fault("unexpected-element", child, "INVALID_WSDL", text)
        elif kind.context in _WITH_HEADERS:
            yield from _extension(child)
    for native in node.attrib:
        own = etree.QName(str(native))
        if own.namespace in (None, _WSDL) and own.localname not in kind.attributes:
            text = f"Encountered illegal extension attribute '{own.text}'. Extension attributes must be in a namespace"
            yield _fault("unexpected-attribute", node, "INVALID_WSDL", f"{text} other than WSDL's.")


def _extension(node: etree._Element) -> Iterator[Message]:
    """The extensions of bindings whose content the reader insists on: headers of SOAP, also in parts of MIME."""
    namespace, local = _names(node)
    if namespace in _SOAP and local == "header":
        yield from _qname(node, "message", required=True)
        for child in _children(node):
            if _names(child) == (namespace, "headerfault"):
                yield from _qname(child, "message", required=True)
            elif _names(child) != (_WSDL, "documentation"):
                yield _unexpected(child)
    elif (namespace, local) == (_MIME, "multipartRelated"):
        for part in _children(node):
            if _names(part) == (_MIME, "part"):
                for child in _children(part):
                    yield from _extension(child)
            else:
                yield _unexpected(part)


def _unexpected(node: etree._Element) -> Message:
    return _fault("unexpected-element", node, "INVALID_WSDL", f"Encountered unexpected element '{_names(node)[1]}'.")


def _schema(root: etree._Element, name: str, load: Load) -> Iterator[Message]:
    """Every schema that a schema points to has to be there, with those it points to in turn."""
    waiting = [(root, name)]
    while waiting:
        schema, file = waiting.pop()
        for child in _children(schema):
            namespace, local = _names(child)
            location = child.get("schemaLocation") if local in ("import", "include", "redefine") else None
            if namespace not in _SCHEMAS or location is None:
                continue
            try:
                loaded = load(location, file)
            except _BadSchema as bad:
                yield _fault(bad.code, root, "PARSER_ERROR", f"Problem parsing '{location}'.: {bad}")
                continue
            if loaded is None:
                text = f"An error occurred trying to resolve schema referenced at '{location}'."
                yield _fault("external-ref-unloadable", root, "OTHER_ERROR", text, child if file == name else None)
            elif loaded[1] is not None:
                waiting.append((loaded[1], loaded[0]))


def _load_nothing(location: str, file: str) -> None:
    """A document by itself has no files beside it, and the network is not asked."""


class _BadSchema(Exception):
    """A schema file that cannot be parsed."""

    def __init__(self, message: Message) -> None:
        super().__init__(message.text.removeprefix(f"{_UNREADABLE} <- "))
        self.code = message.code


class _Loader:
    """Loads the schemas of an archive, each once."""

    def __init__(self, archive: Archive) -> None:
        self._archive = archive
        self._seen: set[str] = set()

    def __call__(self, location: str, file: str) -> tuple[str, etree._Element | None] | None:
        found = self._archive.beside(file, location)
        if found is None:
            return None
        if found in self._seen:
            return found, None
        self._seen.add(found)
        root = _parse(self._archive.read(found))
        if isinstance(root, Message):
            raise _BadSchema(root)
        namespace, local = _names(root)
        return found, root if namespace in _SCHEMAS and local == "schema" else None


def _qname(node: etree._Element, attribute: str, *, required: bool) -> Iterator[Message]:
    """A prefix has to be declared; where ``required``, so has the default namespace of a name without one."""
    value = node.get(attribute)
    if value is None:
        return
    prefix, colon, _ = value.partition(":")
    if not colon and not required:
        return
    if node.nsmap.get(prefix if colon else None) is None:
        fault = "UNBOUND_PREFIX" if colon else "NO_PREFIX_SPECIFIED"
        yield _fault("unbound-prefix", node, fault, f"Unable to determine namespace of '{value}'.")


def _children(node: etree._Element) -> Iterator[etree._Element]:
    return (child for child in node if isinstance(child.tag, str))


def _names(node: etree._Element) -> tuple[str, str]:
    name = etree.QName(node)
    return name.namespace or "", name.localname


def _shown(node: etree._Element) -> str:
    return str(etree.QName(node).text)


def _fault(code: str, node: etree._Element, fault: str, text: str, at: etree._Element | None = None) -> Message:
    line = cast("int | None", (node if at is None else at).sourceline)
    return Message(code, f"WSDLException (at {_path(node)}): faultCode={fault}: {text}", line=line)


def _path(node: etree._Element) -> str:
    """The way to an element as wsdl4j writes it; places among equals are left out where there are too many to count."""
    steps = []
    walked: etree._Element | None = node
    while walked is not None:
        steps.append(f"{walked.prefix}:{_names(walked)[1]}" if walked.prefix else _names(walked)[1])
        parent = walked.getparent()
        if parent is not None and len(parent) < 1000:
            equals = [child for child in parent if child.tag == walked.tag]
            steps[-1] += f"[{equals.index(walked) + 1}]" if len(equals) > 1 else ""
        walked = parent
    return "/" + "/".join(reversed(steps))
