"""The definitions of a GraphQL schema by kind and name, and what is wrong with one before the others are looked at."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar, cast

from graphql import parse
from graphql.language import (
    DirectiveDefinitionNode,
    DocumentNode,
    EnumTypeDefinitionNode,
    EnumTypeExtensionNode,
    EnumValueDefinitionNode,
    ExecutableDefinitionNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputObjectTypeExtensionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    ListTypeNode,
    NamedTypeNode,
    Node,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    OperationTypeDefinitionNode,
    ScalarTypeDefinitionNode,
    ScalarTypeExtensionNode,
    SchemaDefinitionNode,
    SchemaExtensionNode,
    TypeDefinitionNode,
    TypeExtensionNode,
    TypeNode,
    UnionTypeDefinitionNode,
    UnionTypeExtensionNode,
)

from apim_upgrade.definitions.model import Message

Type = (
    ObjectTypeDefinitionNode
    | InterfaceTypeDefinitionNode
    | UnionTypeDefinitionNode
    | EnumTypeDefinitionNode
    | InputObjectTypeDefinitionNode
    | ScalarTypeDefinitionNode
)
Extension = (
    ObjectTypeExtensionNode
    | InterfaceTypeExtensionNode
    | UnionTypeExtensionNode
    | EnumTypeExtensionNode
    | InputObjectTypeExtensionNode
    | ScalarTypeExtensionNode
)
Fielded = ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode | ObjectTypeExtensionNode | InterfaceTypeExtensionNode
"""What has fields and may implement interfaces."""
Filled = InputObjectTypeDefinitionNode | InputObjectTypeExtensionNode
"""What has input fields."""

FIELDED = (ObjectTypeDefinitionNode, InterfaceTypeDefinitionNode, ObjectTypeExtensionNode, InterfaceTypeExtensionNode)
FILLED = (InputObjectTypeDefinitionNode, InputObjectTypeExtensionNode)
VALUED = (EnumTypeDefinitionNode, EnumTypeExtensionNode)
JOINED = (UnionTypeDefinitionNode, UnionTypeExtensionNode)

SCALARS = ("Int", "Float", "String", "Boolean", "ID")
"""The scalars of the language itself; a schema may declare them again."""

_BASES: Mapping[type[Node], type[Node]] = {
    ObjectTypeExtensionNode: ObjectTypeDefinitionNode,
    InterfaceTypeExtensionNode: InterfaceTypeDefinitionNode,
    UnionTypeExtensionNode: UnionTypeDefinitionNode,
    EnumTypeExtensionNode: EnumTypeDefinitionNode,
    InputObjectTypeExtensionNode: InputObjectTypeDefinitionNode,
    ScalarTypeExtensionNode: ScalarTypeDefinitionNode,
}

_BUILT_IN = """
directive @deprecated(reason: String = "No longer supported")
  on FIELD_DEFINITION | ENUM_VALUE | ARGUMENT_DEFINITION | INPUT_FIELD_DEFINITION
directive @specifiedBy(url: String!) on SCALAR
"""

T = TypeVar("T", Type, DirectiveDefinitionNode, ScalarTypeDefinitionNode)


@dataclass(slots=True)
class Registry:
    """All definitions of one schema. ``faults`` are those of definitions that cannot even be told apart."""

    types: dict[str, Type] = field(default_factory=dict)
    scalars: dict[str, ScalarTypeDefinitionNode | None] = field(default_factory=lambda: dict.fromkeys(SCALARS))
    extensions: dict[str, list[Extension]] = field(default_factory=lambda: defaultdict(list))
    directives: dict[str, DirectiveDefinitionNode] = field(default_factory=dict)
    schema: SchemaDefinitionNode | None = None
    schema_extensions: list[SchemaExtensionNode] = field(default_factory=list)
    operations: dict[str, OperationTypeDefinitionNode] = field(default_factory=dict)
    faults: list[Message] = field(default_factory=list)
    _members: dict[str, dict[str, Any]] = field(default_factory=dict)
    _required: dict[str, frozenset[str]] = field(default_factory=dict)

    @classmethod
    def read(cls, document: DocumentNode) -> Registry:
        """Sort the definitions of a document."""
        made = cls()
        for node in document.definitions:
            if isinstance(node, ExecutableDefinitionNode):
                what = type(node).__name__.removesuffix("Node")
                text = (
                    f"[{at(node)}] The schema definition text contains a non schema definition language (SDL) element"
                )
                made.faults.append(fault("not-sdl", f"{text} '{what}'", node))
            elif isinstance(node, TypeExtensionNode):
                made.extensions[node.name.value].append(cast("Extension", node))
            elif isinstance(node, ScalarTypeDefinitionNode):
                made._define(made.scalars, node)
            elif isinstance(node, TypeDefinitionNode):
                made._define(made.types, cast("Type", node))
            elif isinstance(node, DirectiveDefinitionNode):
                made._define(made.directives, node)
            elif isinstance(node, SchemaDefinitionNode):
                made._define_schema(node)
            elif isinstance(node, SchemaExtensionNode):
                made.schema_extensions.append(node)
                made._define_operations(node)
        for name, directive in _built_in().items():
            made.directives.setdefault(name, directive)
        return made

    def _define(self, known: dict[str, T] | dict[str, T | None], node: T) -> None:
        name = node.name.value
        older = known.get(name)
        if older is None:
            known[name] = node
            return
        text = f"'{name}' type [{at(node)}] tried to redefine existing '{name}' type [{at(older)}]"
        self.faults.append(fault("redefined", text, node))

    def _define_schema(self, node: SchemaDefinitionNode) -> None:
        if self.schema is not None:
            self.faults.append(fault("redefined", f"There is already a schema defined [{at(self.schema)}]", node))
            return
        self.schema = node
        self._define_operations(node)

    def _define_operations(self, node: SchemaDefinitionNode | SchemaExtensionNode) -> None:
        for operation in node.operation_types or ():
            name = operation.operation.value
            if name in self.operations:
                text = f"There is already an operation '{name}' defined [{at(self.operations[name])}]"
                self.faults.append(fault("redefined", text, operation))
            else:
                self.operations[name] = operation

    def get(self, name: str) -> Type | None:
        """A type or declared scalar by name."""
        return self.types.get(name) or self.scalars.get(name)

    def has(self, name: str) -> bool:
        """Whether a type is known, the scalars of the language included."""
        return name in self.types or name in self.scalars

    def is_output(self, name: str) -> bool:
        """Whether a known type may be the type of a field."""
        return not isinstance(self.types.get(name), InputObjectTypeDefinitionNode)

    def is_input(self, name: str) -> bool:
        """Whether a known type may be the type of an argument or an input field."""
        kind = self.types.get(name)
        return kind is None or isinstance(kind, (InputObjectTypeDefinitionNode, EnumTypeDefinitionNode))

    def base_of(self, extension: Extension) -> Type | None:
        """The type that an extension is of, None when there is none of that kind."""
        base = self.get(extension.name.value)
        if base is None and extension.name.value in self.scalars and isinstance(extension, ScalarTypeExtensionNode):
            return ScalarTypeDefinitionNode(name=extension.name)
        return base if type(base) is _BASES[type(extension)] else None

    def parts(self, node: Type) -> list[Type | Extension]:
        """A type with its extensions."""
        return [node, *(part for part in self.extensions.get(node.name.value, ()) if _BASES[type(part)] is type(node))]

    def fields_of(self, node: Type) -> dict[str, FieldDefinitionNode]:
        """The fields of an object type or interface, those of its extensions included."""
        return self._gathered(node, FIELDED, "fields")

    def inputs_of(self, node: Type) -> dict[str, InputValueDefinitionNode]:
        """The fields of an input type, those of its extensions included."""
        return self._gathered(node, FILLED, "fields")

    def required_of(self, node: Type) -> frozenset[str]:
        """The fields of an input type that must be given."""
        name = node.name.value
        if name not in self._required:
            self._required[name] = frozenset(name for name, each in self.inputs_of(node).items() if must_be_given(each))
        return self._required[name]

    def values_of(self, node: Type) -> dict[str, EnumValueDefinitionNode]:
        """The values of an enumeration, those of its extensions included."""
        return self._gathered(node, VALUED, "values")

    def _gathered(self, node: Type, kinds: tuple[type[Node], ...], where: str) -> dict[str, Any]:
        kept = self._members.get(node.name.value)
        if kept is None:
            kept = self._members[node.name.value] = {}
            for part in self.parts(node):
                for each in getattr(part, where) or () if isinstance(part, kinds) else ():
                    kept.setdefault(each.name.value, each)
        return kept

    def members_of(self, node: Type) -> list[NamedTypeNode]:
        """The members of a union, those of its extensions included."""
        return [each for part in self.parts(node) if isinstance(part, JOINED) for each in part.types or ()]

    def interfaces_of(self, node: Type) -> list[str]:
        """The names of the interfaces that a type says it implements."""
        return [
            each.name.value for part in self.parts(node) if isinstance(part, FIELDED) for each in part.interfaces or ()
        ]

    def everything(self) -> Iterator[Type | Extension]:
        """Every type, every declared scalar, every extension."""
        yield from self.types.values()
        yield from (scalar for scalar in self.scalars.values() if scalar is not None)
        for extensions in self.extensions.values():
            yield from extensions


def named(node: TypeNode) -> NamedTypeNode:
    """The named type inside lists and non-nulls."""
    while isinstance(node, (ListTypeNode, NonNullTypeNode)):
        node = node.type
    assert isinstance(node, NamedTypeNode)  # noqa: S101
    return node


def must_be_given(node: InputValueDefinitionNode) -> bool:
    """Whether an argument or input field has to be given."""
    return isinstance(node.type, NonNullTypeNode) and node.default_value is None


def at(node: Node) -> str:
    """Line and column of a node as the product writes them."""
    token = node.loc.start_token if node.loc else None
    return f"@{token.line}:{token.column}" if token else "@-1:-1"


def fault(code: str, text: str, node: Node | None = None) -> Message:
    """A message about a node."""
    line = node.loc.start_token.line if node is not None and node.loc else None
    return Message(code, text, "", line)


@cache
def _built_in() -> dict[str, DirectiveDefinitionNode]:
    document = parse(_BUILT_IN)
    return {node.name.value: node for node in document.definitions if isinstance(node, DirectiveDefinitionNode)}
