"""What breaks when graphql-java builds the schema of definitions that passed its checks: exceptions, in the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice

from graphql import print_ast
from graphql.language import (
    ConstDirectiveNode,
    EnumTypeDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    Node,
    ObjectTypeDefinitionNode,
    TypeNode,
)

from apim_upgrade.definitions.graphql_checks import MOST
from apim_upgrade.definitions.graphql_registry import Registry, Type, at, fault, named
from apim_upgrade.definitions.graphql_values import fits
from apim_upgrade.definitions.model import Message

_ROOTS = ("Query", "Mutation", "Subscription")
_INVALID = "invalid schema: "


def find_build_faults(registry: Registry, *, lenient: bool) -> list[Message]:
    """
    The exceptions of building; where types are used the wrong way round nothing else comes to light.

    ``lenient``: default values and repeated directives are not looked at.
    """
    wrong_way = list(islice(_kinds(registry), MOST))
    return wrong_way or list(islice(_types(registry, lenient=lenient), MOST))


def _kinds(registry: Registry) -> Iterator[Message]:
    for name in _ROOTS:
        root = registry.get(name) if name.lower() not in registry.operations else None
        if root is not None and not isinstance(root, ObjectTypeDefinitionNode):
            text = f"The type '{name}' [{at(root)}] is not an output type, but was used to declare the output type"
            yield fault("wrong-kind", f"{text} of a field [@-1:-1]", root)
    for node in registry.types.values():
        if isinstance(node, (ObjectTypeDefinitionNode, InterfaceTypeDefinitionNode)):
            for each in registry.fields_of(node).values():
                if not registry.is_output(named(each.type).name.value):
                    text = "is not an output type, but was used to declare the output type of a field"
                    yield _misused(registry, each.type, text)
                yield from _inputs(registry, each.arguments or ())
        elif isinstance(node, InputObjectTypeDefinitionNode):
            yield from _inputs(registry, registry.inputs_of(node).values())


def _inputs(registry: Registry, values: Iterable[InputValueDefinitionNode]) -> Iterator[Message]:
    for each in values:
        if not registry.is_input(named(each.type).name.value):
            yield _misused(registry, each.type, "is not an input type, but was used as an input type")


def _misused(registry: Registry, used: TypeNode, text: str) -> Message:
    name = named(used).name
    node = registry.get(name.value)
    place = at(node) if node is not None else "@-1:-1"
    return fault("wrong-kind", f"The type '{name.value}' [{place}] {text} [{at(name)}]", name)


def _types(registry: Registry, *, lenient: bool) -> Iterator[Message]:
    for node in registry.types.values():
        if not node.name.value.startswith("__"):  # the product takes these for the language's own
            yield from _type(registry, node)
    if lenient:
        return
    for node in registry.types.values():
        for value in _values(registry, node):
            yield from _default(registry, value)
        yield from _repetitions(registry, node)
    for directive in registry.directives.values():
        for value in directive.arguments or ():
            yield from _default(registry, value)


def _type(registry: Registry, node: Type) -> Iterator[Message]:
    name = node.name.value
    if isinstance(node, EnumTypeDefinitionNode):
        values = registry.values_of(node)
        if not values:
            yield fault("empty-type", f'{_INVALID}Enum type "{name}" must define one or more enum values.', node)
        for value in values.values():
            yield from _reserved(value.name.value, f'in "{name}"', value)
    elif isinstance(node, InputObjectTypeDefinitionNode):
        inputs = registry.inputs_of(node)
        if not inputs:
            yield _empty(node)
        for field in inputs.values():
            yield from _reserved(field.name.value, f'in "{name}"', field)
    elif isinstance(node, (ObjectTypeDefinitionNode, InterfaceTypeDefinitionNode)):
        fields = registry.fields_of(node)
        if not fields:
            yield _empty(node)
        for each in fields.values():
            yield from _reserved(each.name.value, f'in "{name}"', each)
            for argument in each.arguments or ():
                yield from _reserved(argument.name.value, f'in "{name}-{each.name.value}"', argument)


def _empty(node: Type) -> Message:
    return fault("empty-type", f'{_INVALID}"{node.name.value}" must define one or more fields.', node)


def _reserved(name: str, where: str, node: Node) -> Iterator[Message]:
    if name.startswith("__"):
        text = f'"{name}" {where} must not begin with "__", which is reserved by GraphQL introspection.'
        yield fault("reserved-name", _INVALID + text, node)


def _values(registry: Registry, node: Type) -> Iterator[InputValueDefinitionNode]:
    if isinstance(node, InputObjectTypeDefinitionNode):
        yield from registry.inputs_of(node).values()
    elif isinstance(node, (ObjectTypeDefinitionNode, InterfaceTypeDefinitionNode)):
        for each in registry.fields_of(node).values():
            yield from each.arguments or ()


def _default(registry: Registry, node: InputValueDefinitionNode) -> Iterator[Message]:
    value = node.default_value
    if value is not None and not fits(value, node.type, registry):
        shown = print_ast(value)
        text = f"{_INVALID}Invalid default value {shown[:200]} for type {print_ast(node.type)}"
        yield fault("bad-default", text, value)


def _repetitions(registry: Registry, node: Type) -> Iterator[Message]:
    parts = registry.parts(node)
    yield from _repeated(registry, [each for part in parts for each in part.directives or ()], node)
    if isinstance(node, EnumTypeDefinitionNode):
        for value in registry.values_of(node).values():
            yield from _repeated(registry, value.directives or (), value)
    elif isinstance(node, InputObjectTypeDefinitionNode):
        for field in registry.inputs_of(node).values():
            yield from _repeated(registry, field.directives or (), field)
    elif isinstance(node, (ObjectTypeDefinitionNode, InterfaceTypeDefinitionNode)):
        for each in registry.fields_of(node).values():
            yield from _repeated(registry, each.directives or (), each)
            for argument in each.arguments or ():
                yield from _repeated(registry, argument.directives or (), argument)


def _repeated(registry: Registry, directives: Iterable[ConstDirectiveNode], owner: Node) -> Iterator[Message]:
    for name, number in Counter(each.name.value for each in directives).items():
        definition = registry.directives.get(name)
        if number > 1 and definition is not None and not definition.repeatable:
            called = getattr(getattr(owner, "name", None), "value", "")
            text = f"The directive '{name}' on '{called}' is a non repeatable directive but has been applied"
            yield fault("repeated-directive", f"{_INVALID}{text} {number} times", owner)
