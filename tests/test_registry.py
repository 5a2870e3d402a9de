"""The house in order: imports point one way, every record is complete, every public name is documented."""

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.core.primitive import PRIMITIVES, Plain, Primitive
from chainrule.core.trace import FRONT_ENDS, UFUNCS

PACKAGE = Path(cr.__file__).parent
FILES = sorted(PACKAGE.rglob("*.py"))
LAZY = {"scipy", "optree", "rich", "llvmlite", "cyipopt"}
LAZY_PARTS = {
    "chainrule.explain.svg",
    "chainrule.explain.text",
    "chainrule.compiler.simplify",
    "chainrule.compiler.program",
    "chainrule.compiler.ahead",
}
"""What is imported when it is first used, so that `import chainrule` costs little more than `import numpy`."""

MAY_IMPORT = {
    "core": {"core"},
    "ops": {"core", "ops"},
    "transforms": {"core", "transforms"},
    "compiler": {"core", "ops", "transforms", "compiler"},
    "jacobians": {"core", "transforms", "compiler", "jacobians"},
    "implicit": {"core", "transforms", "jacobians", "implicit"},
    "explain": {"core", "transforms", "explain"},
    "testing": {"core", "transforms", "jacobians"},
    "numpy": {"core", "numpy"},
    "scipy": {"core", "ops", "transforms", "jacobians", "implicit", "numpy", "scipy"},
    "compat": {"chainrule", "numpy", "scipy", "testing", "compat"},
}
"""What each part of the package may import from the others. Whatever is not listed uses the public names alone."""


def name_of(path):
    """`chainrule.core.tree` for that file."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {name_of(path): path for path in FILES}
TREES = {name: ast.parse(path.read_text()) for name, path in MODULES.items()}


def imported(name, node):
    """The modules that an import statement in the module `name` names; of ours down to the last that is a module."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    parts = name.split(".")
    package = parts if MODULES[name].name == "__init__.py" else parts[:-1]
    start = package[: len(package) - node.level + 1] if node.level else []
    module = ".".join([*start, *([node.module] if node.module else [])])
    return [f"{module}.{alias.name}" if f"{module}.{alias.name}" in MODULES else module for alias in node.names]


def imports(name):
    """All import statements of a module: what each names, its line, and whether it is inside a function."""
    functions = [n for n in ast.walk(TREES[name]) if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)]
    inside = {id(n) for f in functions for n in ast.walk(f)}
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for module in imported(name, node):
                yield module, node.lineno, id(node) in inside


def part_of(module):
    """`core` for `chainrule.core.tree`; `chainrule` for the public names."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else parts[0]


each_module = pytest.mark.parametrize("name", MODULES)

# ---- imports ----------------------------------------------------------------------------------------------------


@each_module
def test_imports_point_one_way(name):
    if name == "chainrule":
        return
    allowed = MAY_IMPORT.get(part_of(name), {"chainrule", part_of(name)})
    wrong = [
        f"line {line}: {module}"
        for module, line, _ in imports(name)
        if module.split(".")[0] == "chainrule" and part_of(module) not in allowed
    ]
    assert not wrong, f"{name} imports {wrong}; it may import from {sorted(allowed)}"


@each_module
def test_imports_stand_at_the_top(name):
    wrong = [
        f"line {line}: {module}"
        for module, line, inside in imports(name)
        if inside and module.split(".")[0] not in LAZY and module not in LAZY_PARTS
    ]
    assert not wrong, f"{name} imports inside a function: {wrong}"


def loaded():
    """The modules that `import chainrule` loads."""
    found, waiting = set(), ["chainrule"]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += [m for m, _, inside in imports(name) if m in MODULES and not inside]
    return sorted(found)


@pytest.mark.parametrize("name", loaded())
def test_what_is_lazy_is_imported_when_it_is_used(name):
    wrong = [f"line {line}: {m}" for m, line, inside in imports(name) if not inside and m.split(".")[0] in LAZY]
    assert not wrong, f"{name}, which `import chainrule` loads, imports {wrong}"


def test_there_are_no_cycles():
    graph = {
        name: {m for m, _, _ in imports(name) if m in MODULES and m != name and not name.startswith(m + ".")}
        for name in MODULES
    }
    done, path = set(), []

    def visit(name):
        assert name not in path, f"a cycle of imports: {' -> '.join([*path[path.index(name) :], name])}"
        if name not in done:
            path.append(name)
            for other in sorted(graph[name]):
                visit(other)
            path.pop()
            done.add(name)

    for name in MODULES:
        visit(name)


def test_import_chainrule_loads_nothing_that_can_wait():
    code = f"import sys, chainrule; print(*sorted({LAZY} & {{m.split('.')[0] for m in sys.modules}}))"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert found == [], f"`import chainrule` loads {found}"


def test_simple_derivatives_load_nothing_either():
    code = (
        "import sys, numpy as np, chainrule as cr; x = np.ones(3); cr.grad(lambda x: np.sum(np.sin(x) @ x))(x);"
        "cr.hessian(lambda x: np.sum(x**3))(x); cr.variable(x); cr.jvp(np.sin, (x,), (x,));"
        f"print(*sorted({LAZY - {'optree'}} & {{m.split('.')[0] for m in sys.modules}}))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert found == [], f"a gradient loads {found}"


# ---- transforms know no operation, operations know no transform -------------------------------------------------


@pytest.mark.parametrize("name", [n for n in MODULES if part_of(n) == "transforms"])
def test_transforms_name_no_primitive(name):
    wrong = []
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Name) and node.id in ("PRIMITIVES", "UFUNCS"):
            wrong.append(f"line {node.lineno}: {node.id}")
        if isinstance(node, ast.Compare) and isinstance(node.left, ast.Attribute) and node.left.attr == "name":
            named = [c.value for c in ast.walk(node) if isinstance(c, ast.Constant) and c.value in PRIMITIVES]
            wrong += [f"line {node.lineno}: {n!r}" for n in named]
    assert not wrong, f"{name} names operations: {wrong}"


@pytest.mark.parametrize("name", [n for n in MODULES if part_of(n) == "ops"])
def test_operations_name_no_transform(name):
    tracers = {"Variable", "Dual", "Batched", "Recorded", "Slotted", "ReverseTrace", "ForwardTrace", "BatchTrace"}
    wrong = [f"line {n.lineno}: {n.id}" for n in ast.walk(TREES[name]) if isinstance(n, ast.Name) and n.id in tracers]
    assert not wrong, f"{name} names transforms: {wrong}"


# ---- size and names ---------------------------------------------------------------------------------------------


@each_module
def test_no_module_is_too_long(name):
    lines = len(MODULES[name].read_text().splitlines())
    assert lines <= 650, f"{name} has {lines} lines"


@each_module
def test_modules_are_named_by_what_they_hold(name):
    if part_of(name) == "compat":  # named as what they stand in for
        return
    assert name.split(".")[-1] not in {"utils", "util", "helpers", "helper", "misc", "base", "common", "stuff"}


@each_module
def test_every_module_says_what_it_is(name):
    doc = ast.get_docstring(TREES[name])
    assert doc, f"{name} has no docstring"
    assert doc.splitlines()[0].rstrip()[-1] in ".:", f"the docstring of {name} should begin with a sentence"


# ---- primitives -------------------------------------------------------------------------------------------------


PROGRAMS = {"cond", "scan", "while_loop"}


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_every_field_of_every_primitive_is_filled(name):
    p = PRIMITIVES[name]
    assert p.name == name
    for field in ("impl", "aval", "saves", "batch", "slots"):
        if field == "slots" and name in PROGRAMS:
            assert p.slots is None  # what they do is followed step by step
            continue
        assert callable(getattr(p, field)), f"{name}: {field} is {getattr(p, field)!r}"
    for field in ("jvp", "vjp"):  # None where there is no derivative
        assert getattr(p, field) is None or callable(getattr(p, field))
    assert (p.jvp is None) == (p.vjp is None), f"{name} has one of jvp and vjp"
    assert isinstance(p.multi, bool)
    assert p.plain is None or isinstance(p.plain, Plain)
    if p.vjp is None:
        assert p.plain is None, f"{name} has no derivative, and short rules for one"


def test_every_ufunc_belongs_to_a_registered_primitive():
    for ufunc, primitive in UFUNCS.items():
        assert isinstance(primitive, Primitive)
        assert PRIMITIVES.get(primitive.name) is primitive, f"{ufunc} belongs to {primitive}, which is not in the table"


def test_every_front_end_can_be_called():
    for key, function in FRONT_ENDS.items():
        assert callable(key) or isinstance(key, str)
        assert callable(function), f"{key}: {function!r}"


def test_a_name_is_given_once():
    from chainrule.core.primitive import register

    with pytest.raises(ValueError, match="'add'"):
        register(PRIMITIVES["add"])


# ---- public names -----------------------------------------------------------------------------------------------

PUBLIC = {n: v for n, v in vars(cr).items() if not n.startswith("_") and not inspect.ismodule(v)}
ERRORS = {n: v for n, v in PUBLIC.items() if inspect.isclass(v) and issubclass(v, Exception)}


def sections(doc):
    """The headings of a NumPy-style docstring."""
    return re.findall(r"^([A-Z][A-Za-z ]+)\n-{3,}$", inspect.cleandoc(doc), flags=re.MULTILINE)


def test_the_public_names():
    expected = {
        "grad", "value_and_grad", "vjp", "jvp", "linearize", "jacobian", "hessian", "hvp", "vmap", "checkpoint",
        "stop_gradient", "variable", "Variable", "no_grad", "record", "custom", "sparsity", "explain",
    }  # fmt: skip
    assert expected <= PUBLIC.keys()


@pytest.mark.parametrize("name", sorted(PUBLIC.keys() - ERRORS.keys()))
def test_every_public_name_has_a_docstring_with_an_example(name):
    value = PUBLIC[name]
    assert value.__doc__, f"{name} has no docstring"
    found = sections(value.__doc__)
    assert "Examples" in found, f"{name} has no example"
    assert ">>>" in value.__doc__.split("Examples")[1]
    if not inspect.isclass(value):
        takes = [p for p in inspect.signature(value).parameters if p not in ("args", "kwargs")]
        assert not takes or "Parameters" in found, f"{name} does not say what it takes"
        assert name == "no_grad" or "Returns" in found, f"{name} does not say what it returns"


@pytest.mark.parametrize("name", sorted(PUBLIC.keys() - ERRORS.keys()))
def test_every_parameter_of_a_public_function_is_described(name):
    value = PUBLIC[name]
    if "Parameters" not in sections(value.__doc__ or ""):
        return
    described = inspect.cleandoc(value.__doc__).split("Parameters\n---")[1].split("\n---")[0]
    for parameter in inspect.signature(value).parameters:
        assert re.search(rf"^[^ ]*.*\b{parameter}\b", described, flags=re.MULTILINE), f"{name}: {parameter}"


@pytest.mark.parametrize("name", sorted(ERRORS))
def test_every_error_says_when_it_is_raised(name):
    assert ERRORS[name].__doc__
    assert issubclass(ERRORS[name], NotImplementedError | TypeError | RuntimeError | ValueError | FloatingPointError)


@pytest.mark.parametrize("name", sorted(n for n, v in PUBLIC.items() if inspect.isclass(v) and n not in ERRORS))
def test_public_methods_are_documented(name):
    methods = {
        n: m
        for n, m in vars(PUBLIC[name]).items()
        if not n.startswith("_") and (callable(m) or isinstance(m, property))
    }
    wrong = [n for n, m in methods.items() if not inspect.getdoc(m)]
    assert not wrong, f"{name}: {wrong} have no docstring"


def test_public_functions_are_typed():
    for name, value in PUBLIC.items():
        if inspect.isfunction(value):
            assert "return" in value.__annotations__, f"{name} does not say what type it returns"
