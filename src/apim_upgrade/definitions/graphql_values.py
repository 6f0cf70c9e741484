"""Whether a GraphQL value fits a type."""

from __future__ import annotations

from graphql.language import (
    BooleanValueNode,
    EnumTypeDefinitionNode,
    EnumValueNode,
    FloatValueNode,
    InputObjectTypeDefinitionNode,
    IntValueNode,
    ListTypeNode,
    ListValueNode,
    NonNullTypeNode,
    NullValueNode,
    ObjectValueNode,
    StringValueNode,
    TypeNode,
    ValueNode,
)

from apim_upgrade.definitions.graphql_registry import Registry, named

_LITERALS: dict[str, tuple[type[ValueNode], ...]] = {
    "Int": (IntValueNode,),
    "Float": (IntValueNode, FloatValueNode),
    "String": (StringValueNode,),
    "Boolean": (BooleanValueNode,),
    "ID": (StringValueNode, IntValueNode),
}
_DIGITS = 10  # of the largest 32-bit number


def fits(value: ValueNode, wanted: TypeNode, registry: Registry) -> bool:
    """Whether a literal may stand where a type is wanted; a single value may stand for a list of one."""
    if isinstance(wanted, NonNullTypeNode):
        return not isinstance(value, NullValueNode) and fits(value, wanted.type, registry)
    if isinstance(value, NullValueNode):
        return True
    if isinstance(wanted, ListTypeNode):
        values = value.values if isinstance(value, ListValueNode) else (value,)
        return all(fits(each, wanted.type, registry) for each in values)
    return _fits_name(value, named(wanted).name.value, registry)


def _fits_name(value: ValueNode, name: str, registry: Registry) -> bool:
    kind = registry.types.get(name)
    if isinstance(kind, EnumTypeDefinitionNode):
        return isinstance(value, EnumValueNode) and value.value in registry.values_of(kind)
    if isinstance(kind, InputObjectTypeDefinitionNode):
        return isinstance(value, ObjectValueNode) and _fits_input(value, kind, registry)
    literals = _LITERALS.get(name)
    if literals is None:
        return True
    return isinstance(value, literals) and not (name == "Int" and _too_large(value))


def _too_large(value: ValueNode) -> bool:
    digits = value.value if isinstance(value, IntValueNode) else ""
    return len(digits.lstrip("-")) > _DIGITS or not -(2**31) <= int(digits) < 2**31


def _fits_input(value: ObjectValueNode, kind: InputObjectTypeDefinitionNode, registry: Registry) -> bool:
    known = registry.inputs_of(kind)
    given = {each.name.value: each.value for each in value.fields}
    # Not by set arithmetic, which goes through all fields of the type for every value.
    if len(given) != len(value.fields) or not all(name in known for name in given):
        return False
    if not all(name in given for name in registry.required_of(kind)):
        return False
    return all(fits(each, known[name].type, registry) for name, each in given.items())
