"""WSDL documents and archives: the rules one by one, and agreement with the product's own verdicts."""

from __future__ import annotations

import io
import json
import time
import zipfile
from collections.abc import Mapping

import pytest

from apim_upgrade.definitions import Judgement
from apim_upgrade.definitions.wsdl import LIMIT, judge
from conftest import shared_path

NAMESPACES = (
    'xmlns:w="http://schemas.xmlsoap.org/wsdl/" xmlns:s="http://schemas.xmlsoap.org/wsdl/soap/" '
    'xmlns:m="http://schemas.xmlsoap.org/wsdl/mime/" xmlns:x="http://www.w3.org/2001/XMLSchema" '
    'xmlns:t="urn:t" targetNamespace="urn:t"'
)


def wsdl(inside: str = "", more: str = "") -> bytes:
    return f"<w:definitions {NAMESPACES} {more}>{inside}</w:definitions>".encode()


def types(schema: str) -> bytes:
    return wsdl(f"<w:types><x:schema>{schema}</x:schema></w:types>")


def bound(extension: str) -> bytes:
    return wsdl(f'<w:binding name="B"><w:operation name="o"><w:input>{extension}</w:input></w:operation></w:binding>')


def packed(files: Mapping[str, bytes | str]) -> bytes:
    text = io.BytesIO()
    with zipfile.ZipFile(text, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return text.getvalue()


def test_verdicts_agree_with_those_of_the_product() -> None:
    folder = shared_path("corpus", "wsdl")
    files = json.loads((folder / "verdicts.json").read_text(encoding="utf-8"))["files"]
    wrong = {}
    for name, known in files.items():
        judgement = judge((folder / name).read_bytes(), "4.2.0")
        told = "valid" if judgement.valid else "unrecognized" if judgement.codes == {"no-processor"} else "invalid"
        if told != known["outcome"]:
            wrong[name] = told, known["outcome"], judgement.messages
    assert wrong == {}
    assert len(files) > 60


VALID = {
    "nothing inside": wsdl(),
    "a byte-order mark": b"\xef\xbb\xbf" + wsdl(),
    "what is referred to is absent": wsdl(
        '<w:message name="M"><w:part name="p" element="t:E"/><w:part name="q" type="plain"/></w:message>'
        '<w:portType name="P"><w:operation name="o" parameterOrder="p"><w:input message="t:Missing"/>'
        '<w:output name="n" message="plain"/><w:fault name="f" message="t:F"/></w:operation></w:portType>'
        '<w:binding name="B" type="t:Missing"/><w:service name="S"><w:port name="p" binding="t:Missing"/></w:service>'
    ),
    "imports of missing documents": wsdl('<w:import namespace="urn:o" location="other.wsdl"/>'),
    "documentation with anything in it": wsdl("<w:documentation><w:nonsense/><p>text</p></w:documentation>"),
    "foreign elements and attributes anywhere": wsdl(
        '<t:a/><w:types><t:b/></w:types><w:message name="M" t:c="d"><t:e/></w:message>', 't:f="no:prefix"'
    ),
    "schemas that point to a namespace alone": types('<x:import namespace="urn:o"/><x:element name="include"/>'),
    "headers of SOAP": bound('<s:header message="t:M" part="p"><s:headerfault message="t:M"/></s:header>'),
    "parts of MIME": bound('<m:multipartRelated><m:part><s:header message="t:M"/></m:part></m:multipartRelated>'),
    "a document type": b'<!DOCTYPE x [<!ENTITY y "z">]>' + wsdl("<w:documentation>&y;</w:documentation>"),
    "an external entity, which is not read": b'<!DOCTYPE x [<!ENTITY y SYSTEM "file:///nowhere">]>'
    + wsdl("<w:documentation>&y;</w:documentation>"),
    "WSDL 2.0": b'<description xmlns="http://www.w3.org/ns/wsdl"><anything/></description>',
}  # fmt: skip


@pytest.mark.parametrize("text", VALID.values(), ids=VALID)
def test_what_the_product_takes(text: bytes) -> None:
    judgement = judge(text, "4.2.0")
    assert judgement == Judgement(judgement.kind, True)


INVALID = {
    "nothing": (b"", "no-processor"),
    "no namespace of WSDL": (b"<definitions/>", "no-processor"),
    "the namespace at the very start": (b"http://schemas.xmlsoap.org/wsdl/", "no-processor"),
    "half of it": (wsdl()[:-3], "syntax"),
    "two roots": (wsdl() + wsdl(), "syntax"),
    "blanks before the declaration": (b' <?xml version="1.0"?>' + wsdl(), "syntax"),
    "bytes of another encoding": (wsdl("<w:documentation>\xe9</w:documentation>").decode().encode("latin-1"), "syntax"),
    "an unknown encoding": (b'<?xml version="1.0" encoding="latin-9x"?>' + wsdl(), "syntax"),
    "a NUL": (wsdl("\0"), "syntax"),
    "an undeclared prefix": (wsdl("<no:thing/>"), "syntax"),
    "an undeclared entity": (wsdl("<w:documentation>&no;</w:documentation>"), "syntax"),
    "another root": (b'<root xmlns="http://schemas.xmlsoap.org/wsdl/"/>', "wrong-root"),
    "another root of WSDL 2.0": (b'<root xmlns="http://www.w3.org/ns/wsdl"/>', "wrong-root"),
    "an unknown element of WSDL": (wsdl("<w:bogus/>"), "unexpected-element"),
    "an element of WSDL in a wrong place": (wsdl("<w:message><w:port/></w:message>"), "unexpected-element"),
    "an element without a namespace": (wsdl("<bogus/>"), "unexpected-element"),
    "an unknown attribute": (wsdl("", 'version="1"'), "unexpected-attribute"),
    "an attribute in a wrong place": (wsdl('<w:service type="t:x"/>'), "unexpected-attribute"),
    "an unbound prefix": (wsdl('<w:binding type="no:x"/>'), "unbound-prefix"),
    "a header without a prefix": (bound('<s:header message="M"/>'), "unbound-prefix"),
    "a header with an unbound prefix": (bound('<s:header message="no:M"/>'), "unbound-prefix"),
    "something else in a header": (bound('<s:header message="t:M"><s:body/></s:header>'), "unexpected-element"),
    "no part in a multipart": (bound("<m:multipartRelated><s:body/></m:multipartRelated>"), "unexpected-element"),
    "a schema beside it": (types('<x:include schemaLocation="a.xsd"/>'), "external-ref-unloadable"),
    "a schema somewhere else": (types('<x:import schemaLocation="http://x.org/a.xsd"/>'), "external-ref-unloadable"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "code"), INVALID.values(), ids=INVALID)
def test_what_the_product_refuses(text: bytes, code: str) -> None:
    judgement = judge(text, "4.4.0")
    assert (judgement.valid, judgement.aborted, judgement.codes) == (False, False, {code})


def test_findings_name_their_line_and_the_text_of_the_product() -> None:
    (message,) = judge(wsdl('\n<w:message/>\n<w:message name="M">\n<w:bogus/></w:message>'), "4.2.0").messages
    assert message.line == 4
    assert message.text == (
        "WSDLException (at /w:definitions/w:message[2]/w:bogus): faultCode=INVALID_WSDL: Encountered illegal extension "
        "element '{http://schemas.xmlsoap.org/wsdl/}bogus' in the context of a 'javax.wsdl.Message'. Extension "
        "elements must be in a namespace other than WSDL's."
    )


INCLUDES = types('<x:include schemaLocation="../xsd/a%20b.xsd"/>')
SCHEMA = '<x:schema xmlns:x="http://www.w3.org/2001/XMLSchema">{}</x:schema>'


def test_archives_bring_their_own_schemas() -> None:
    files = {
        "wsdl/one.wsdl": INCLUDES,
        "wsdl/TWO.WSDL": wsdl(),
        "xsd/a b.xsd": SCHEMA.format('<x:import schemaLocation="c.xsd"/>'),
        "xsd/c.xsd": SCHEMA.format('<x:import schemaLocation="a b.xsd"/><x:include schemaLocation="../doc.xml"/>'),
        "doc.xml": "<no schema='at all'/>",
    }
    assert judge(packed(files), "4.2.0").valid
    del files["xsd/c.xsd"]
    (message,) = judge(packed(files), "4.2.0").messages
    assert message.code == "external-ref-unloadable"
    assert message.text.startswith("wsdl/one.wsdl: WSDLException")
    files["xsd/c.xsd"] = "<"
    assert judge(packed(files), "4.2.0").codes == {"syntax"}


def test_every_document_of_an_archive_has_to_pass() -> None:
    judgement = judge(packed({"b.wsdl": wsdl("<w:bogus/>"), "a.wsdl": b"<", "c.wsdl": wsdl()}), "4.2.0")
    assert [message.text.split(":")[0] for message in judgement.messages] == ["a.wsdl", "b.wsdl"]


def locked() -> bytes:
    """An archive whose only file needs a password, as its flags say."""
    text = bytearray(packed({"a.wsdl": wsdl()}))
    text[6] |= 1
    text[text.index(b"PK\x01\x02") + 8] |= 1
    return bytes(text)


def damaged() -> bytes:
    text = bytearray(packed({"a.wsdl": wsdl("<t:a/>" * 1000)}))
    text[60:70] = b"\xff" * 10
    return bytes(text)


ARCHIVES = {
    "without WSDLs": (lambda: packed({"a.txt": b""}), "no-wsdl-in-archive"),
    "empty": (lambda: packed({}), "no-wsdl-in-archive"),
    "cut off": (lambda: packed({"a.wsdl": wsdl()})[:-30], "unreadable-archive"),
    "damaged": (damaged, "unreadable-archive"),
    "locked": (locked, "unreadable-archive"),
    "leading out of its folder": (lambda: packed({"a.wsdl": wsdl(), "x/../../b.wsdl": wsdl()}), "unsafe-archive"),
    "leading to the root": (lambda: packed({"/etc/a.wsdl": wsdl()}), "unsafe-archive"),
    "leading to a drive": (lambda: packed({"C:\\a.wsdl": wsdl()}), "unsafe-archive"),
    "of many files": (lambda: packed({f"{number}.wsdl": b"" for number in range(3000)}), "too-large"),
    "a bomb": (lambda: packed({f"{number}.wsdl": bytes(30_000_000) for number in range(3)}), "too-large"),
    "just larger than its bounds": (lambda: b"PK\x03\x04" + bytes(LIMIT), "too-large"),
    "in an archive": (lambda: packed({"a.wsdl": packed({"b.wsdl": wsdl()})}), "no-processor"),
}


@pytest.mark.parametrize(("make", "code"), ARCHIVES.values(), ids=ARCHIVES)
def test_archives_that_cannot_be_taken(make, code: str) -> None:  # type: ignore[no-untyped-def]
    assert code in judge(make(), "4.2.0").codes


def test_locations_that_lead_out_of_an_archive_find_nothing() -> None:
    for location in ("../../a.xsd", "/a.xsd", "file:///a.xsd", "//host/a.xsd", "http://[x/a.xsd"):
        text = types(f'<x:include schemaLocation="{location}"/>')
        assert judge(packed({"a.wsdl": text, "a.xsd": SCHEMA.format("")}), "4.2.0").codes == {"external-ref-unloadable"}


LAUGHS = "".join(f'<!ENTITY e{number} "{f"&e{number - 1};" * 10}">' for number in range(1, 12))


def test_what_exceeds_the_bounds_of_our_parser_is_not_called_malformed() -> None:
    for text in (wsdl("<t:a>" * 300 + "</t:a>" * 300), wsdl(f"<t:a>{'x' * 11_000_000}</t:a>")):
        assert judge(text, "4.2.0").codes == {"too-large"}


@pytest.mark.parametrize(
    "text",
    [
        f'<!DOCTYPE x [<!ENTITY e0 "ha">{LAUGHS}]>'.encode() + wsdl("<w:documentation>&e11;</w:documentation>"),
        f'<!DOCTYPE x [<!ENTITY e0 "ha">{LAUGHS}]>'.encode() + wsdl("", 'name="&e11;"'),
        wsdl("<t:a>" * 100_000),
        wsdl("<t:a>" * 200 + "</t:a>" * 200),
        wsdl("<w:bogus/>" * 100_000),
        wsdl(f'<w:documentation a="{"x" * 11_000_000}"/>'),
    ],
    ids=["laughs", "laughs in an attribute", "depth", "depth in bounds", "many faults", "a long attribute"],
)
def test_hostile_documents_are_answered_soon(text: bytes) -> None:
    started = time.process_time()
    judgement = judge(text, "4.2.0")
    assert len(judgement.messages) <= 200
    assert time.process_time() - started < 10
