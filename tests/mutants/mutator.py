"""Small faults for a module: each mutant is its source with one thing changed.

Rules:
- What runs is changed: conditions, operators, numbers, words, elements of tables, arguments, whole statements.
  Docstrings, annotations, imports, decorators and log lines are left alone.
- Words that people read (they hold a space) become empty, not misspelt: that a reason is given is a promise, its
  wording is none. Words that programs read are changed.
- A mutant's name is its function and what was changed into what, never a line: a list of names outlives other edits.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from types import CodeType

_OPPOSITES: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
_TWINS = {"any": "all", "min": "max", "startswith": "endswith", "removeprefix": "removesuffix", "lower": "upper"}
_TWINS |= {twin: name for name, twin in _TWINS.items()}
_NOT_RUN = ("annotation", "returns", "decorator_list")


@dataclass(frozen=True)
class Mutant:
    """One fault."""

    file: str
    place: str
    """Qualified name of the outermost function that holds it, or of what is set at the module's or a class's level."""
    in_function: bool
    before: str
    after: str
    line: int
    occurrence: int
    """Counts the same change at the same place."""
    node: int
    variant: int

    @property
    def name(self) -> str:
        again = f" #{self.occurrence}" if self.occurrence > 1 else ""
        return f"{self.file} {self.place or 'module'}: {self.before} => {self.after}{again}"

    def code(self, source: str, filename: str) -> CodeType:
        """The faulty module, compiled; `source` is the one that the mutant was made of."""
        tree = ast.parse(source)
        target = next(one for number, one in enumerate(_walk(tree)) if number == self.node)
        _put(target, _variants(target.node)[self.variant])
        return compile(ast.fix_missing_locations(tree), filename, "exec")


def mutants(source: str, file: str) -> Iterator[Mutant]:
    """Every mutant of a module, in the order of its text."""
    seen: Counter[tuple[str, str, str]] = Counter()
    for number, found in enumerate(_walk(ast.parse(source))):
        for variant, changed in enumerate(_variants(found.node)):
            said = (found.place, _said(found.node), _said(changed))
            if said[1] == said[2]:
                continue
            seen[said] += 1
            line = getattr(found.node, "lineno", 0)
            yield Mutant(file, said[0], found.in_function, said[1], said[2], line, seen[said], number, variant)


def _said(node: ast.AST) -> str:
    """The changed piece as one line; what is taken away is `nothing`. Of long statements the head counts."""
    text = "nothing" if isinstance(node, ast.Pass) else ast.unparse(node)
    text = " ".join(text.split())
    return text if len(text) <= 160 else f"{text[:157]}..."


@dataclass(frozen=True)
class _Found:
    node: ast.AST
    parent: ast.AST
    field: str
    index: int | None
    place: str
    in_function: bool


def _walk(tree: ast.AST, place: str = "", *, in_function: bool = False) -> Iterator[_Found]:
    """What may be changed, parents first."""
    if isinstance(tree, ast.Import | ast.ImportFrom | ast.JoinedStr):
        return
    for field, value in ast.iter_fields(tree):
        if field in _NOT_RUN:
            continue
        # A function's defaults are values of the module's own level.
        inside = in_function or (field == "body" and isinstance(tree, ast.FunctionDef | ast.AsyncFunctionDef))
        for index, child in enumerate(value) if isinstance(value, list) else ((None, value),):
            if isinstance(child, ast.AST) and not _is_words_only(child):
                named = place if inside else ".".join(filter(None, (place, _name(child))))
                yield _Found(child, tree, field, index, named, inside)
                yield from _walk(child, named, in_function=inside)


def _name(node: ast.AST) -> str:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return node.name
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
    return ""


def _is_words_only(node: ast.AST) -> bool:
    """A docstring, the list of what a module exports, a name for a type that nothing reads at run time."""
    match node:
        case ast.Expr(value=ast.Constant(value=str())):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__" | "log")]):
            return True
        case ast.Assign(value=ast.Subscript(value=ast.Name(id="Callable"))):
            return True
        case ast.Expr(value=ast.Call(func=ast.Attribute(value=ast.Name(id="log")))):
            return True
    return False


def _put(found: _Found, new: ast.AST) -> None:
    if found.index is None:
        setattr(found.parent, found.field, new)
    else:
        getattr(found.parent, found.field)[found.index] = new


def _variants(node: ast.AST) -> list[ast.AST]:
    """Every way in which this node itself is made wrong; its children have ways of their own."""
    kinds = (_comparisons, _branches, _values, _tables, _statements)
    return [ast.copy_location(one, node) for kind in kinds for one in kind(node)]


def _comparisons(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Compare(left=left, ops=ops, comparators=others):
            for place, operator in enumerate(ops):
                for other in _OPPOSITES[type(operator)]:
                    yield ast.Compare(left, [*ops[:place], other(), *ops[place + 1 :]], others)
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(ast.Or() if isinstance(operator, ast.And) else ast.And(), values)
            for place in range(len(values)):
                left_over = values[:place] + values[place + 1 :]
                yield ast.BoolOp(operator, left_over) if len(left_over) > 1 else left_over[0]
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand


def _branches(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.If(test=test, body=body, orelse=orelse):
            for constant in (True, False):
                if not isinstance(test, ast.Constant):
                    yield ast.If(ast.Constant(constant), body, orelse)
        case ast.IfExp(body=body, orelse=orelse):
            yield from (body, orelse)
        case ast.comprehension(target=target, iter=iterated, ifs=ifs, is_async=is_async):
            for place in range(len(ifs)):
                yield ast.comprehension(target, iterated, ifs[:place] + ifs[place + 1 :], is_async)


def _values(node: ast.AST) -> Iterator[ast.AST]:
    match node:
        case ast.Constant(value=bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(value=int() | float() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(value=str() as value) if value:
            yield ast.Constant("" if " " in value else f"{value}X")
        case ast.Constant(value=bytes() as value) if value:
            yield ast.Constant(value + b"X")
        case ast.JoinedStr():
            yield ast.Constant("")
        case ast.BinOp(left=left, op=operator, right=right) if type(operator) in _ARITHMETIC:
            yield ast.BinOp(left, _ARITHMETIC[type(operator)](), right)
        case ast.Return(value=value) if value is not None and not _is_none(value):
            yield ast.Return(ast.Constant(None))
        case ast.Name(id=name) if name in _TWINS:
            yield ast.Name(_TWINS[name], node.ctx)
        case ast.Attribute(value=value, attr=name) if name in _TWINS:
            yield ast.Attribute(value, _TWINS[name], node.ctx)


def _is_none(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _tables(node: ast.AST) -> Iterator[ast.AST]:
    """One element less."""
    match node:
        case ast.Set(elts=elements) if len(elements) > 1:
            yield from (ast.Set(elements[:place] + elements[place + 1 :]) for place in range(len(elements)))
        case ast.List(elts=elements, ctx=ast.Load()):
            yield from (
                ast.List(elements[:place] + elements[place + 1 :], ast.Load()) for place in range(len(elements))
            )
        case ast.Tuple(elts=elements, ctx=ast.Load()) if all(isinstance(one, ast.Tuple | ast.Call) for one in elements):
            # A table; a row with one word less would only break whatever reads it.
            for place in range(len(elements) if len(elements) > 1 else 0):
                yield ast.Tuple(elements[:place] + elements[place + 1 :], ast.Load())
        case ast.Dict(keys=keys, values=values):
            for place in range(len(keys)):
                yield ast.Dict(keys[:place] + keys[place + 1 :], values[:place] + values[place + 1 :])


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """One argument or statement less."""
    match node:
        case ast.Call(func=func, args=args, keywords=keywords):
            for place in range(len(keywords)):
                yield ast.Call(func, args, keywords[:place] + keywords[place + 1 :])
        case ast.Expr(value=ast.Call() | ast.Await()):
            yield ast.Pass()
        case ast.AugAssign(target=target, op=operator, value=value) if type(operator) in _ARITHMETIC:
            yield ast.AugAssign(target, _ARITHMETIC[type(operator)](), value)
