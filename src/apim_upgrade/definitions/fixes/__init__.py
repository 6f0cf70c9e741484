"""
Small mechanical changes that take one kind of message away each; ``repairs`` tries them and keeps what holds.

A fix changes the document in place and says in one sentence what it did; None means that it does not apply. Nothing
that a person wrote is thrown away: what the product does not take goes under an ``x-`` key, except copies of what
stands elsewhere. No fix invents behaviour: where a value is needed the laxest that says nothing is written.
"""

from __future__ import annotations

import re

from apim_upgrade.definitions.fixes.case import Fix
from apim_upgrade.definitions.fixes.keys import paths_extension, rename_component, slash_first, under_x, wrap_reference
from apim_upgrade.definitions.fixes.kinds import (
    describe,
    drop_null,
    into_list,
    one_type,
    out_of_list,
    replace_info,
    replace_items,
    replace_responses,
    swap_empty,
)
from apim_upgrade.definitions.fixes.missing import (
    add,
    add_content,
    add_default,
    add_description,
    add_identifier,
    add_info,
    add_name,
    add_place,
    add_responses,
    add_schema,
    add_title,
    add_type,
    add_version,
    docs_aside,
    no_paths,
    scheme_aside,
    type_of_schema,
    whole_version,
)
from apim_upgrade.definitions.fixes.operations import merge_tags, new_operation_id, part_slash_twins
from apim_upgrade.definitions.fixes.parameters import (
    declare_path_parameter,
    merge_parameters,
    parameter_aside,
    put_parameter,
    require_path_parameters,
)
from apim_upgrade.definitions.fixes.references import add_missing_schema, files_aside, reference_aside
from apim_upgrade.definitions.fixes.scopes import declare_scopes
from apim_upgrade.definitions.fixes.values import name_kind, whole_url
from apim_upgrade.definitions.model import Message


def fixes_for(message: Message) -> tuple[Fix, ...]:
    """The fixes to try for a message, best first."""
    if message.code == "missing":
        return _MISSING.get(_LAST_PART(message.text.removesuffix(" is missing"))[-1], ())
    return _FIXES.get(message.code, ())


_LAST_PART = re.compile(r"[.\s]").split


_MISSING: dict[str, tuple[Fix, ...]] = {
    "info": (add_info,),
    "paths": (add("paths", dict, "there are no paths"),),
    "title": (add_title,),
    "version": (add_version,),
    "responses": (add_responses,),
    "description": (add_description,),
    "name": (add_name, parameter_aside, scheme_aside),
    "type": (type_of_schema, add_type, scheme_aside),
    "content": (add_schema, add_content),
    "schema": (add_schema,),
    "in": (add_place, parameter_aside, scheme_aside),
    "items": (add("items", dict, "the items of the array may be anything"),),
    "default": (add_default,),
    "identifier": (add_identifier,),
    "url": (docs_aside, add("url", "/", "the server's url is /")),
    "scopes": (add("scopes", dict, "the flow has no scopes"),),
    "authorizationUrl": (scheme_aside,),
    "tokenUrl": (scheme_aside,),
    "flows": (scheme_aside,),
    "scheme": (scheme_aside,),
    "openIdConnectUrl": (scheme_aside,),
}


_FIXES: dict[str, tuple[Fix, ...]] = {
    "unexpected-key": (wrap_reference, under_x),
    "reserved-key": (under_x,),
    "unsupported": (paths_extension, add_content),
    "wrong-type": (
        drop_null,
        swap_empty,
        one_type,
        into_list,
        out_of_list,
        replace_info,
        replace_responses,
        replace_items,
        parameter_aside,
        under_x,
        describe,
    ),
    "bad-security-type": (scheme_aside,),
    "path-schema-ref-missing": (add_missing_schema,),
    "component-schema-ref-missing": (add_missing_schema, reference_aside),
    "ref-target-not-found": (reference_aside, parameter_aside),
    "ref-wrong-section": (reference_aside, parameter_aside),
    "external-ref-unloadable": (files_aside,),
    "bad-url": (files_aside,),
    "oas2-exception": (files_aside,),
    "bad-parameter-in": (put_parameter, parameter_aside),
    "path-param-undeclared": (declare_path_parameter,),
    "path-param-not-required": (require_path_parameters,),
    "repeated": (new_operation_id, merge_tags),
    "duplicate-parameter": (merge_parameters,),
    "path-without-slash": (slash_first,),
    "empty-path-key": (slash_first,),
    "trailing-slash-twin": (part_slash_twins,),
    "bad-component-name": (rename_component,),
    "scope-undeclared": (declare_scopes,),
    "class-cast": (name_kind,),
    "null-pointer": (no_paths, whole_version),
    "bad-contact-or-license-url": (whole_url, under_x),
    "example-and-examples": (under_x,),
    "value-and-external-value": (under_x,),
    "read-and-write-only": (under_x,),
    "bad-multiple-of": (under_x,),
    "empty-enum": (under_x,),
    "bad-spec-version": (whole_version,),
}
