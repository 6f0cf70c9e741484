"""What differs from release to release in how definitions are judged: a row a switch, with the releases it spans."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import cache

SUPPORTED = ("4.0.0", "4.1.0", "4.2.0", "4.3.0", "4.4.0", "4.5.0", "4.6.0", "4.7.0")
"""The releases whose verdicts are known, oldest first."""


@dataclass(frozen=True, slots=True)
class Rules:
    """
    The switches of one release; ``rules_of`` gives them.
    """

    text_steps: bool
    """The product looks at the text itself (gson, org.json, removal of ``servers``) and catches every exception."""
    openapi31: bool
    """OpenAPI 3.1 is understood."""
    swagger_messages_count: bool
    """A message of the Swagger 2.0 parser makes a definition invalid; before, only a missing ``swagger`` does."""
    swagger_templates_tested: bool
    """The operations of a message-free Swagger 2.0 definition are read in validation: scopes, empty path keys."""
    relaxed_mode: bool
    """The server knows the switch for relaxed validation."""
    swagger_needs_operations: bool
    """A Swagger 2.0 definition without any operation is refused."""
    slash_twins_refused: bool
    """``/a`` and ``/a/`` with a common method are refused."""
    encode_flag_is_boolean: bool
    """``x-amzn-resource-content-encode`` must be a boolean."""
    info_made_up: bool
    """Relaxed validation makes up a missing ``info``."""
    parameters_list_needed: bool
    """A path with ``{name}`` and an operation without any ``parameters`` ends the parse with an exception."""
    whole_parts_are_names: bool
    """``{name}`` counts where it stands alone between slashes, dots and dashes; later wherever it stands."""
    warnings_are_attributes: bool
    """The texts of warnings begin with ``attribute``."""
    duplicates_end_parse: bool
    """A key that stands twice ends the parse, in JSON and YAML."""
    loading_failure_stands_alone: bool
    """A reference that cannot be loaded replaces everything said before."""
    examples_exclude_example: bool
    """``example`` and ``examples`` must not stand side by side."""
    places_are_named: bool
    """A wrong ``in`` of a parameter is told with the places there are."""
    empty_texts_ignored: bool
    """An empty text is as good as none."""
    short_version_passes: bool
    """``openapi: 3.0`` passes for a version."""
    component_references_tested: bool
    """References inside ``components``, and the section a reference leads to, are looked at."""
    contents_tested: bool
    """
    A parameter needs a schema or content of one media type, a request body content, an encoding a property of its
    schema, and an example has a value or an external one.
    """
    licence_identifier_demanded: bool
    """OpenAPI 3.1 licences need an ``identifier`` whatever else they have; later one of ``identifier`` and ``url``."""
    const_is_scalar: bool
    """``const`` of a 3.1 schema must be a scalar."""
    example_may_be_text: bool
    """The values of ``examples`` may be strings."""
    api_key_place_tested: bool
    """``in`` of an apiKey scheme must be cookie, header or query."""
    missing_schemas_is_null_pointer: bool
    """A schema reference in a document without any ``components.schemas`` ends in a null-pointer exception."""


# The first release with the switch on, and where it was taken back, the first with it off again.
_SPANS: dict[str, tuple[str, str | None]] = {
    "text_steps": ("4.2.0", None),
    "openapi31": ("4.2.0", None),
    "swagger_messages_count": ("4.2.0", None),
    "swagger_templates_tested": ("4.2.0", None),
    "relaxed_mode": ("4.2.0", None),
    "swagger_needs_operations": ("4.4.0", None),
    "slash_twins_refused": ("4.4.0", None),
    "encode_flag_is_boolean": ("4.4.0", None),
    "info_made_up": ("4.6.0", None),
    "parameters_list_needed": ("4.0.0", "4.1.0"),
    "whole_parts_are_names": ("4.0.0", "4.2.0"),
    "warnings_are_attributes": ("4.0.0", "4.1.0"),
    "duplicates_end_parse": ("4.0.0", "4.2.0"),
    "loading_failure_stands_alone": ("4.0.0", "4.2.0"),
    "examples_exclude_example": ("4.1.0", None),
    "places_are_named": ("4.2.0", None),
    "empty_texts_ignored": ("4.0.0", "4.2.0"),
    "short_version_passes": ("4.0.0", "4.2.0"),
    "component_references_tested": ("4.2.0", None),
    "contents_tested": ("4.2.0", None),
    "licence_identifier_demanded": ("4.2.0", "4.3.0"),
    "const_is_scalar": ("4.2.0", "4.3.0"),
    "example_may_be_text": ("4.3.0", None),
    "api_key_place_tested": ("4.4.0", None),
    "missing_schemas_is_null_pointer": ("4.2.0", "4.3.0"),
}


@cache
def rules_of(release: str) -> Rules:
    """
    The switches of one release, given as ``4.2.0``.

    Raises ``ValueError`` for a release whose verdicts are not known.
    """
    at = SUPPORTED.index(release) if release in SUPPORTED else None
    if at is None:
        raise ValueError(f"definitions are judged for {', '.join(SUPPORTED)}, not for {release!r}")
    switches = {}
    for switch in fields(Rules):
        since, until = _SPANS[switch.name]
        switches[switch.name] = SUPPORTED.index(since) <= at and (until is None or at < SUPPORTED.index(until))
    return Rules(**switches)
