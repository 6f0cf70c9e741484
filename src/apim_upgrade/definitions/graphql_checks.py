"""What graphql-java finds when it compares the definitions of a schema, before it builds anything of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from graphql import print_ast
from graphql.language import (
    ConstDirectiveNode,
    DirectiveDefinitionNode,
    EnumTypeDefinitionNode,
    EnumTypeExtensionNode,
    EnumValueNode,
    FieldDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputObjectTypeExtensionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    InterfaceTypeExtensionNode,
    ListTypeNode,
    ListValueNode,
    NameNode,
    Node,
    NonNullTypeNode,
    ObjectTypeDefinitionNode,
    ObjectTypeExtensionNode,
    ObjectValueNode,
    TypeNode,
    UnionTypeDefinitionNode,
    UnionTypeExtensionNode,
)

from apim_upgrade.definitions.graphql_registry import (
    FIELDED,
    FILLED,
    JOINED,
    SCALARS,
    VALUED,
    Extension,
    Fielded,
    Registry,
    Type,
    at,
    fault,
    must_be_given,
    named,
)
from apim_upgrade.definitions.graphql_values import fits
from apim_upgrade.definitions.model import Message

MOST = 200
"""Findings of one schema that are told; whoever has mended these looks again."""

_COMPARISONS = 3_000_000
"""Fields of interfaces that are looked for in the types that implement them."""

_PLACES: dict[type[Node], str] = {
    ObjectTypeDefinitionNode: "OBJECT",
    ObjectTypeExtensionNode: "OBJECT",
    InterfaceTypeDefinitionNode: "INTERFACE",
    InterfaceTypeExtensionNode: "INTERFACE",
    UnionTypeDefinitionNode: "UNION",
    UnionTypeExtensionNode: "UNION",
    EnumTypeDefinitionNode: "ENUM",
    EnumTypeExtensionNode: "ENUM",
    InputObjectTypeDefinitionNode: "INPUT_OBJECT",
    InputObjectTypeExtensionNode: "INPUT_OBJECT",
}


def find_faults(registry: Registry) -> list[Message]:
    """Everything that makes a schema invalid, the first ``MOST`` of it."""
    found: list[Message] = []
    for message in _Checks(registry).all():
        found.append(message)
        if len(found) == MOST:
            break
    return found


class _Checks:
    """The checks, each a generator of findings."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.compared = 0

    def all(self) -> Iterator[Message]:
        everything = list(self.registry.everything())
        for node in everything:
            yield from self._types_known(node)
        yield from self._extensions()
        for node in everything:
            if isinstance(node, FIELDED):
                yield from self._interfaces(node)
        for node in everything:
            if isinstance(node, UnionTypeDefinitionNode):
                yield from self._union(node)
        yield from self._operations()
        for node in everything:
            yield from self._names(node)
        for directive in self.registry.directives.values():
            yield from self._directive(directive)
        for node in everything:
            for owner, place, directives in _directives_in(node):
                yield from self._used(owner, place, directives)
        if self.registry.schema is not None:
            yield from self._used("schema", "SCHEMA", self.registry.schema.directives or ())
        for extension in self.registry.schema_extensions:
            yield from self._used("schema", "SCHEMA", extension.directives or ())

    # Types that are named somewhere

    def _types_known(self, node: Type | Extension) -> Iterator[Message]:
        for interface in (node.interfaces or ()) if isinstance(node, FIELDED) else ():
            if not isinstance(self.registry.types.get(interface.name.value), InterfaceTypeDefinitionNode):
                yield self._unknown("interface", interface.name, node)
        for each in (node.fields or ()) if isinstance(node, FIELDED) else ():
            yield from self._known("field", [each.type], node)
            yield from self._known("field input", [argument.type for argument in each.arguments or ()], node)
        if isinstance(node, JOINED):
            yield from self._known("union member", node.types or (), node)
        if isinstance(node, FILLED):
            yield from self._known("input value", [each.type for each in node.fields or ()], node)

    def _known(self, role: str, types: Iterable[TypeNode], owner: Type | Extension) -> Iterator[Message]:
        for each in types:
            name = named(each).name
            if not self.registry.has(name.value):
                yield self._unknown(role, name, owner)

    def _unknown(self, role: str, name: NameNode, owner: Type | Extension | DirectiveDefinitionNode) -> Message:
        text = f"The {role} type '{name.value}' is not present when resolving type '{owner.name.value}' [{at(owner)}]"
        return fault("unknown-type", text, name)

    # Extensions

    def _extensions(self) -> Iterator[Message]:
        for name, extensions in self.registry.extensions.items():
            for kind, group in _by_kind(extensions).items():
                base = self.registry.base_of(group[0])
                if base is None:
                    text = f"The extension '{name}' type [{at(group[0])}] is missing its base underlying type"
                    yield fault("extension-without-base", text, group[0])
                yield from self._redefined(kind, base, group)

    def _redefined(self, kind: type[Node], base: Type | None, extensions: Sequence[Extension]) -> Iterator[Message]:
        """What an extension says again that its type or another extension has said."""
        said = {name.value for name in _members(base)} if base is not None else set()
        directives = {each.name.value for each in base.directives or ()} if base is not None else set()
        for extension in extensions:
            own = [name for name in _members(extension) if not isinstance(extension, UnionTypeExtensionNode)]
            for name in own:
                if name.value in said:
                    text = f"'{extension.name.value}' extension type [{at(extension)}] tried to redefine '{name.value}'"
                    yield fault("redefined", text, name)
            said.update(name.value for name in own)
            for each in extension.directives or ():
                if each.name.value in directives and not self._repeatable(each.name.value):
                    text = f"The extension '{extension.name.value}' type [{at(extension)}] has redefined the directive"
                    yield fault("redefined", f"{text} called '{each.name.value}'", each)

    def _repeatable(self, name: str) -> bool:
        directive = self.registry.directives.get(name)
        return directive is not None and directive.repeatable

    # Interfaces

    def _interfaces(self, node: Fielded) -> Iterator[Message]:
        base = self.registry.types.get(node.name.value)
        if base is None:
            return
        fields = self.registry.fields_of(base)
        implemented = self.registry.interfaces_of(base)
        seen = set()
        for each in node.interfaces or ():
            interface = self.registry.types.get(each.name.value)
            if not isinstance(interface, InterfaceTypeDefinitionNode):
                continue
            about = f"The type '{node.name.value}' [{at(node)}]"
            if interface is base:
                yield fault("bad-interface", f"{about} cannot implement itself", each)
                return
            if each.name.value in seen:
                yield fault("bad-interface", f"{about} can only implement '{each.name.value}' once", each)
                continue
            seen.add(each.name.value)
            for further in self.registry.interfaces_of(interface):
                if further == node.name.value:
                    yield fault("bad-interface", f"{about} and '{each.name.value}' implement each other", each)
                elif further not in implemented:
                    text = f"{about} must implement '{further}' because it is implemented by '{each.name.value}'"
                    yield fault("bad-interface", text, each)
            wanted = self.registry.fields_of(interface)
            self.compared += len(wanted)
            if self.compared > _COMPARISONS:
                yield fault("too-large", "the interfaces of this schema are too many to be looked at", node)
                return
            for field in wanted.values():
                yield from self._implements(node, interface, field, fields.get(field.name.value))

    def _implements(
        self,
        node: Fielded,
        interface: InterfaceTypeDefinitionNode,
        wanted: FieldDefinitionNode,
        given: FieldDefinitionNode | None,
    ) -> Iterator[Message]:
        name = wanted.name.value
        about = f"The type '{node.name.value}' [{at(node)}]"
        if given is None:
            text = f"{about} does not have a field '{name}' required via interface '{interface.name.value}'"
            yield fault("interface-not-implemented", f"{text} [{at(interface)}]", node)
            return
        about += f" field '{name}'"
        if not self._may_stand_for(given.type, wanted.type):
            text = f"has tried to redefine the type '{print_ast(wanted.type)}' of interface '{interface.name.value}'"
            yield fault("interface-not-implemented", f"{about} {text} as '{print_ast(given.type)}'", given)
        arguments = {each.name.value: each for each in given.arguments or ()}
        for argument in wanted.arguments or ():
            own = arguments.pop(argument.name.value, None)
            if own is None:
                text = f"lacks the argument '{argument.name.value}' of interface '{interface.name.value}'"
                yield fault("interface-not-implemented", f"{about} {text}", given)
            elif _signature(own) != _signature(argument):
                text = f"defines the argument '{argument.name.value}' otherwise than '{interface.name.value}'"
                yield fault("interface-not-implemented", f"{about} {text}", own)
        for more in arguments.values():
            if isinstance(more.type, NonNullTypeNode):
                text = f"defines an additional non-optional argument '{more.name.value}'"
                yield fault("interface-not-implemented", f"{about} {text}", more)

    def _may_stand_for(self, given: TypeNode, wanted: TypeNode) -> bool:
        if isinstance(wanted, NonNullTypeNode):
            return isinstance(given, NonNullTypeNode) and self._may_stand_for(given.type, wanted.type)
        if isinstance(given, NonNullTypeNode):
            return self._may_stand_for(given.type, wanted)
        if isinstance(wanted, ListTypeNode) or isinstance(given, ListTypeNode):
            return (
                isinstance(wanted, ListTypeNode)
                and isinstance(given, ListTypeNode)
                and self._may_stand_for(given.type, wanted.type)
            )
        own, other = named(given).name.value, named(wanted).name.value
        target, kind = self.registry.types.get(other), self.registry.types.get(own)
        if own == other:
            return True
        if isinstance(target, UnionTypeDefinitionNode):
            return any(member.name.value == own for member in self.registry.members_of(target))
        return kind is not None and other in self.registry.interfaces_of(kind)

    # Unions and root operations

    def _union(self, node: UnionTypeDefinitionNode) -> Iterator[Message]:
        name = node.name.value
        if name.startswith("__"):
            text = f"'{name}' must not begin with '__', which is reserved by GraphQL introspection."
            yield fault("reserved-name", text, node)
        members = self.registry.members_of(node)
        if not members:
            yield fault("bad-union", f"Union type '{name}' must include one or more member types.", node)
        seen = set()
        for member in members:
            own = member.name.value
            if not isinstance(self.registry.types.get(own), ObjectTypeDefinitionNode):
                text = "The member types of a Union type must all be Object base types."
                yield fault("bad-union", f"{text} member type '{own}' in Union '{name}' is invalid.", member)
            elif own in seen:
                text = f"member type '{own}' in Union '{name}' is not unique."
                yield fault("bad-union", f"{text} The member types of a Union type must be unique.", member)
            seen.add(own)

    def _operations(self) -> Iterator[Message]:
        for name, operation in self.registry.operations.items():
            root = operation.type.name.value
            if not self.registry.has(root):
                text = f"The operation type '{root}' is not present when resolving type '{name}' [{at(operation)}]"
                yield fault("unknown-type", text, operation)
            elif not isinstance(self.registry.types.get(root), ObjectTypeDefinitionNode):
                text = f"The operation type '{name}' [{at(operation)}] must have a object type as its definition"
                yield fault("bad-root", text, operation)
        if "query" not in self.registry.operations and not self.registry.get("Query"):
            yield fault("no-query", "A schema MUST have a 'query' operation defined", self.registry.schema)

    # Names that must be unique

    def _names(self, node: Type | Extension) -> Iterator[Message]:
        about = f"The type '{node.name.value}' [{at(node)}]"
        if not isinstance(node, JOINED):
            for name in _repeated(_members(node)):
                yield fault(
                    "duplicate-name", f"{about} has declared a field with a non unique name '{name.value}'", name
                )
        for each in (node.fields or ()) if isinstance(node, FIELDED) else ():
            for name in _repeated(argument.name for argument in each.arguments or ()):
                text = f"{about} field '{each.name.value}' has declared an argument with a non unique name"
                yield fault("duplicate-name", f"{text} '{name.value}'", name)
        for _, _, directives in _directives_in(node):
            for directive in directives:
                for name in _repeated(argument.name for argument in directive.arguments or ()):
                    text = f"{about} has a directive '{directive.name.value}' with a non unique argument"
                    yield fault("duplicate-name", f"{text} '{name.value}'", name)

    # Directives

    def _directive(self, node: DirectiveDefinitionNode) -> Iterator[Message]:
        name = node.name.value
        if name.startswith("__"):
            yield _reserved(name, node)
        for again in _repeated(argument.name for argument in node.arguments or ()):
            text = f"The type '{name}' [{at(node)}] has declared an argument with a non unique name '{again.value}'"
            yield fault("duplicate-name", text, again)
        for argument in node.arguments or ():
            kind = named(argument.type).name
            if argument.name.value.startswith("__"):
                yield _reserved(argument.name.value, argument)
            if not self.registry.has(kind.value):
                yield self._unknown("directive definition", kind, node)
            elif not self.registry.is_input(kind.value):
                text = f"The type '{kind.value}' is not an input type, but was used as an input type [{at(argument)}]"
                yield fault("wrong-kind", text, argument)
            if any(each.name.value == name for each in argument.directives or ()):
                text = f"'{name}' must not reference itself on '{argument.name.value}' [{at(argument)}]"
                yield fault("bad-directive", text, argument)

    def _used(self, owner: str, place: str, directives: Iterable[ConstDirectiveNode]) -> Iterator[Message]:
        for each in directives:
            name = each.name.value
            definition = self.registry.directives.get(name)
            if definition is None:
                text = f"'{owner}' [{at(each)}] tried to use an undeclared directive '{name}'"
                yield fault("directive-undeclared", text, each)
                continue
            if place not in {location.value for location in definition.locations}:
                text = f"'{owner}' [{at(each)}] tried to use a directive '{name}' in the '{place}' location"
                yield fault("directive-misplaced", f"{text} but that is illegal", each)
            yield from self._arguments(owner, each, definition)

    def _arguments(
        self, owner: str, used: ConstDirectiveNode, definition: DirectiveDefinitionNode
    ) -> Iterator[Message]:
        allowed = {each.name.value: each for each in definition.arguments or ()}
        given = {each.name.value: each for each in used.arguments or ()}
        about, directive = f"'{owner}' [{at(used)}]", f"directive '{used.name.value}'"
        for name, argument in given.items():
            wanted = allowed.get(name)
            if wanted is None:
                text = f"{about} use an unknown argument '{name}' on {directive}"
                yield fault("directive-argument", text, argument)
            elif self.registry.has(named(wanted.type).name.value) and not (
                fits(argument.value, wanted.type, self.registry) and self._plain(argument.value, wanted.type)
            ):
                text = f"{about} uses an illegal value for the argument '{name}' on {directive}"
                yield fault("directive-argument", text, argument)
        for name, wanted in allowed.items():
            if name not in given and must_be_given(wanted):
                text = f"{about} failed to provide a value for the non null argument '{name}' on {directive}"
                yield fault("directive-argument", text, used)

    def _plain(self, value: Node, wanted: TypeNode) -> bool:
        """Arguments of directives that are scalars, custom ones too, take neither lists nor objects nor enum values."""
        inner = wanted.type if isinstance(wanted, NonNullTypeNode) else wanted
        if isinstance(inner, ListTypeNode):
            return True
        name = named(inner).name.value
        scalar = name in SCALARS or name in self.registry.scalars
        return not (scalar and isinstance(value, (ListValueNode, ObjectValueNode, EnumValueNode)))


def _by_kind(extensions: Iterable[Extension]) -> dict[type[Node], list[Extension]]:
    kinds: dict[type[Node], list[Extension]] = {}
    for each in extensions:
        kinds.setdefault(type(each), []).append(each)
    return kinds


def _members(node: Type | Extension) -> list[NameNode]:
    """The names of fields, input fields or enum values."""
    if isinstance(node, (*FIELDED, *FILLED)):
        return [each.name for each in node.fields or ()]
    return [each.name for each in node.values or ()] if isinstance(node, VALUED) else []


def _repeated(names: Iterable[NameNode]) -> Iterator[NameNode]:
    seen: set[str] = set()
    for name in names:
        if name.value in seen:
            yield name
        seen.add(name.value)


def _signature(node: InputValueDefinitionNode) -> tuple[str, str]:
    return print_ast(node.type), print_ast(node.default_value) if node.default_value else ""


def _directives_in(node: Type | Extension) -> Iterator[tuple[str, str, Sequence[ConstDirectiveNode]]]:
    """Whose, where, which: every list of directives in a type or an extension."""
    yield node.name.value, _PLACES.get(type(node), "SCALAR"), node.directives or ()
    if isinstance(node, FIELDED):
        for each in node.fields or ():
            yield each.name.value, "FIELD_DEFINITION", each.directives or ()
            for argument in each.arguments or ():
                yield argument.name.value, "ARGUMENT_DEFINITION", argument.directives or ()
    elif isinstance(node, VALUED):
        for value in node.values or ():
            yield value.name.value, "ENUM_VALUE", value.directives or ()
    elif isinstance(node, FILLED):
        for entry in node.fields or ():
            yield entry.name.value, "INPUT_FIELD_DEFINITION", entry.directives or ()


def _reserved(name: str, node: Node) -> Message:
    text = f"'{name}' must not begin with '__', which is reserved by GraphQL introspection"
    return fault("reserved-name", f"{text} [{at(node)}]", node)
