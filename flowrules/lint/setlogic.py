"""Which sets lie inside others, and which have no member in common, whatever the flows."""

from __future__ import annotations

from flowrules.lint.linted import Linted
from flowrules.model import expression as ex

_DEEPEST = 40


class SetLogic:
    """Compares set expressions of one program.  ``True`` is a proof; ``False`` says nothing."""

    def __init__(self, linted: Linted) -> None:
        self.linted = linted
        self.program = linted.program
        self.prover = linted.prover

    def is_empty(self, node: ex.SetExpression) -> bool:
        """Whether a set listed in the rules (not by a parameter) has no member."""
        return self._is_listed(node) and not node.rows and not node.labels and not node.addresses  # type: ignore[attr-defined]

    def _is_listed(self, node: ex.SetExpression) -> bool:
        return isinstance(node, ex.SetLiteral) and not self._free(node)

    def _free(self, node: ex.SetExpression) -> bool:
        return self.linted.uses.within(node.span) is not None

    def inside(self, one: ex.SetExpression, other: ex.SetExpression, depth: int = 0) -> bool:
        """Whether every member of one is a member of the other."""
        if depth > _DEEPEST:
            return False
        if self._same(one, other):
            return True
        deeper = depth + 1
        match one:
            case ex.SetNamed(previous=False) if (found := self._declared(one)) is not None:
                return self.inside(found, other, deeper) or self._inside_right(one, other, deeper)
            case ex.SetAlgebra(op="|", left=left, right=right):
                return self.inside(left, other, deeper) and self.inside(right, other, deeper)
            case ex.SetAlgebra(op="&", left=left, right=right):
                return self.inside(left, other, deeper) or self.inside(right, other, deeper)
            case ex.SetAlgebra(op="-", left=left):
                return self.inside(left, other, deeper)
        return self._inside_right(one, other, deeper)

    def _inside_right(self, one: ex.SetExpression, other: ex.SetExpression, depth: int) -> bool:
        match other:
            case ex.SetNamed(previous=False) if (found := self._declared(other)) is not None:
                return self.inside(one, found, depth)
            case ex.SetAlgebra(op="|", left=left, right=right):
                return self.inside(one, left, depth) or self.inside(one, right, depth)
            case ex.SetAlgebra(op="&", left=left, right=right):
                return self.inside(one, left, depth) and self.inside(one, right, depth)
            case ex.SetAlgebra(op="-", left=left, right=right):
                return self.inside(one, left, depth) and self.apart(one, right, depth)
        return self._leaf_inside(one, other, depth)

    def _leaf_inside(self, one: ex.SetExpression, other: ex.SetExpression, depth: int) -> bool:
        if self._is_listed(one) and self._is_listed(other):
            assert isinstance(one, ex.SetLiteral)
            assert isinstance(other, ex.SetLiteral)
            if one.addresses is not None and other.addresses is not None:
                return bool(one.addresses <= other.addresses)
            return set(one.rows) <= set(other.rows) and set(one.labels) <= set(other.labels)
        if isinstance(other, ex.Members):
            if other.keeps:
                return False
            taken = self._taken(one)
            if taken is None:
                return False
            keys, source = taken
            if (
                tuple(k.of for k in keys) != tuple(k.of for k in other.keys)
                or source.table != other.source.table
            ):
                return False
            place = self.prover.premises.place_of(source)
            return bool(self.prover.implies(source.predicate, other.source.predicate, place))
        if isinstance(one, ex.HostsOf) and not one.previous:
            profile = self.program.profiles.get(one.profile)
            if isinstance(other, ex.HostsOf) and other.profile == one.profile and other.which == "hosts":
                return not other.previous
            return profile is not None and self.inside(profile.hosts, other, depth)
        return False

    def _taken(self, one: ex.SetExpression) -> tuple[tuple[ex.Key, ...], ex.Source] | None:
        """Keys and source of a set that is taken from flows directly."""
        match one:
            case ex.Members(keys=keys, source=source):
                return keys, source
            case ex.KeyColumn(owner=owner, index=index, of_table=True, previous=False):
                table = self.program.tables.get(owner)
                if table is not None and table.fill is None:
                    return (table.keys[index],), table.source
        return None

    def apart(self, one: ex.SetExpression, other: ex.SetExpression, depth: int = 0) -> bool:
        """Whether no value can be a member of both."""
        if depth > _DEEPEST:
            return False
        if self.is_empty(one) or self.is_empty(other):
            return True
        deeper = depth + 1
        for a, b in ((one, other), (other, one)):
            match a:
                case ex.SetNamed(previous=False) if (found := self._declared(a)) is not None:
                    if self.apart(found, b, deeper):
                        return True
                case ex.SetAlgebra(op="|", left=left, right=right):
                    if self.apart(left, b, deeper) and self.apart(right, b, deeper):
                        return True
                case ex.SetAlgebra(op="&", left=left, right=right):
                    if self.apart(left, b, deeper) or self.apart(right, b, deeper):
                        return True
                case ex.SetAlgebra(op="-", left=left, right=right):
                    if self.apart(left, b, deeper) or self.inside(b, right, deeper):
                        return True
        return self._verdicts_apart(one, other) or self._values_apart(one, other)

    def _verdicts_apart(self, one: ex.SetExpression, other: ex.SetExpression) -> bool:
        """Two verdicts of one profile: a host has one."""
        if (
            not isinstance(one, ex.HostsOf)
            or not isinstance(other, ex.HostsOf)
            or one.profile != other.profile
        ):
            return False
        profile = self.program.profiles.get(one.profile)
        if profile is None or one.previous or other.previous or one.which == other.which:
            return False
        names = {v.short.rpartition(".")[2] for v in profile.verdicts}
        return {one.which, other.which} <= names

    def _values_apart(self, one: ex.SetExpression, other: ex.SetExpression) -> bool:
        if len(one.parts) != 1 or len(other.parts) != 1:
            return False
        a, b = self._values(one), self._values(other)
        return a is not None and b is not None and type(a) is type(b) and not (a & b)

    def _values(self, node: ex.SetExpression):  # type: ignore[no-untyped-def]
        from flowrules.lint.domains import hosts_of

        if self._is_listed(node):
            assert isinstance(node, ex.SetLiteral)
            return hosts_of(node.addresses) if node.addresses is not None else None
        taken = self._taken(node)
        if taken is None or taken[1].table is not None or len(taken[0]) != 1:
            return None
        return self.prover.premises.project(taken[0][0].of, taken[1])

    def _declared(self, node: ex.SetNamed) -> ex.SetExpression | None:
        found = self.program.sets.get(node.name)
        return found.set if found is not None else None

    def _same(self, one: ex.SetExpression, other: ex.SetExpression) -> bool:
        return one == other and not (isinstance(one, ex.SetLiteral) and self._free(one))
