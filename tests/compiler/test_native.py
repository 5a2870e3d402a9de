"""Objects and programs: what is loaded runs, what is dropped goes, and objects for other machines ask for nothing."""

import ctypes
import gc
import math
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import numpy as np
import pytest
from objects import undefined

from chainrule.compiler import native, vectormath
from chainrule.compiler.llvm import Module, Reduction, f32, f64, i64, ptr
from chainrule.compiler.target import baseline, host


def doubling(name="double_it"):
    module = Module(host())
    f = module.function(name, ptr, ptr, i64)
    f.vector_loop(f.args[2], 4, lambda lanes: lanes.store(lanes.load(f64, f.args[0]) * 2.0, f.args[1]))
    f.ret()
    return module


def call(program, x, name="double_it"):
    y = np.empty_like(x)
    run = program.function(name, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_int64)
    run(x.ctypes.data, y.ctypes.data, x.size)
    return y


@pytest.mark.parametrize("level", native.LEVELS)
def test_a_program_runs_at_every_level(level):
    x = np.arange(11.0)
    np.testing.assert_array_equal(call(native.link(doubling(), level=level), x), 2 * x)


def test_the_same_text_is_the_same_object():
    assert native.object_code(doubling()) == native.object_code(doubling())
    assert native.object_code(doubling(), level=0) != native.object_code(doubling(), level=2)


def test_an_error_shows_the_line():
    text = "define void @broken(i32 %x) {\n  %y = add i32 %x, 1\n  %z = add i64 %y, 1\n  ret void\n}\n"
    with pytest.raises(native.NativeCodeError) as error:
        native.object_code(text)
    assert str(error.value) == (
        "LLVM refuses line 3, in broken: '%y' defined with type 'i32' but expected 'i64'\n"
        "      1 | define void @broken(i32 %x) {\n"
        "      2 |   %y = add i32 %x, 1\n"
        ">     3 |   %z = add i64 %y, 1"
    )


def test_errors():
    with pytest.raises(ValueError, match=r"object_code: level is 3, it has to be one of \(0, 1, 2\)"):
        native.object_code(doubling(), level=3)
    module = Module(host())
    f = module.function("run")
    f.call(module.foreign("dgemm"))
    f.ret()
    with pytest.raises(native.NativeCodeError, match="the program calls dgemm, and no address is given for that"):
        native.link(module)
    with pytest.raises(native.NativeCodeError, match="the linker refuses the program"):
        native.load(b"not an object", ["run"])
    with pytest.raises(native.NativeCodeError, match="the linker refuses the program"):
        native.load(native.object_code(doubling())[:200], ["double_it"])
    # and after all that
    np.testing.assert_array_equal(call(native.link(doubling()), np.ones(3)), np.full(3, 2.0))


def test_a_function_keeps_its_program():
    x, y = np.arange(5.0), np.empty(5)
    program = native.link(doubling(), keep=[x])
    run, gone = program.function("double_it", *[ctypes.c_void_p] * 2, ctypes.c_int64), weakref.ref(program)
    del program
    gc.collect()
    run(x.ctypes.data, y.ctypes.data, 5)
    np.testing.assert_array_equal(y, 2 * x)
    del run
    gc.collect()
    assert gone() is None


def test_what_a_program_has_kept_is_given_up_with_it():
    class Thing:
        pass

    thing, said = Thing(), []
    program, gone = native.link(doubling(), keep=[thing]), weakref.ref(thing)
    program.on_unload(lambda: said.append("unloaded"))
    del thing
    gc.collect()
    assert gone() is not None
    del program
    gc.collect()
    assert gone() is None
    assert said == ["unloaded"]


def resident() -> int:
    """Kilobytes of memory that the process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads /proc")
def test_dropped_programs_leave_nothing():
    def many(count):
        for _ in range(count):
            native.link(doubling())
        gc.collect()

    many(50)
    before = resident()
    many(300)
    assert resident() - before < 300, "a kilobyte for each dropped program"


def test_threads_compile_and_run_at_once():
    failures = []

    def work(seed):
        try:
            x = np.random.default_rng(seed).standard_normal(50)
            for _ in range(10):
                np.testing.assert_array_equal(call(native.link(doubling()), x), 2 * x)
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert not failures


def python(code: str, *args: str) -> str:
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_object_runs_in_another_process(tmp_path):
    module = Module(host())
    f = module.function("run", f64, returns=f64)
    f.ret(f.call(module.foreign("sine", f64, f64), f.args[0]) * 2.0)
    (tmp_path / "run.o").write_bytes(native.object_code(module))
    code = """
import ctypes, math, sys
from chainrule.compiler import native
sine = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double)(math.sin)
table = {"sine": ctypes.cast(sine, ctypes.c_void_p).value}
program = native.load(open(sys.argv[1], "rb").read(), ["run"], table, keep=[sine])
print(program.function("run", ctypes.c_double, returns=ctypes.c_double)(0.5))
kept = [program, program.function("run")]  # still there when the interpreter ends
"""
    assert float(python(code, str(tmp_path / "run.o"))) == 2 * math.sin(0.5)


@pytest.mark.parametrize(
    "name", ["chainrule", "chainrule.compiler", "chainrule.compiler.native", "chainrule.compiler.threads"]
)
def test_llvm_is_loaded_when_it_is_first_used(name):
    code = f"import sys, {name}; print([m for m in sys.modules if m.split('.')[0] in ('llvmlite', 'scipy')])"
    assert python(code).strip() == "[]"


ELSEWHERE = [
    "aarch64-unknown-linux-gnu",
    "arm64-apple-macosx11.0.0",
    "x86_64-apple-macosx10.15.0",
    "x86_64-pc-windows-msvc",
    "x86_64-unknown-linux-gnu",
]


@pytest.mark.parametrize("triple", ELSEWHERE)
def test_objects_for_other_machines_call_nothing(triple):
    """All of vectormath, in loops with reductions: no function of the platform may be needed."""
    module, target = Module(baseline(triple)), baseline(triple)
    for kind in (f64, f32):
        for name in vectormath.__all__:
            function = getattr(vectormath, name)
            count = 2 if name in TWO else 1
            f = module.function(f"{name}_{kind.name}", *[ptr] * (count + 1), i64, returns=kind)
            *sources, goal, n = f.args

            def body(lanes, sources=sources, goal=goal, function=function, f=f, kind=kind):
                made = f.convert(function(*(lanes.load(kind, a) for a in sources)), kind)
                lanes.store(made, goal)
                return [made]

            rules = [Reduction(kind, 0.0, lambda a, b: a + b)]
            f.ret(*f.vector_loop(n, target.lanes(kind.bits), body, rules))
    code = native.object_code(module)
    assert undefined(code) == set()


TWO = [
    "xlogy",
    "xlog1py",
    "arctan2",
    "power",
    "hypot",
    "logaddexp",
    "logaddexp2",
    "fmod",
    "remainder",
    "floor_divide",
    "maximum",
    "minimum",
    "fmax",
    "fmin",
    "copysign",
]


@pytest.mark.parametrize("triple", ELSEWHERE)
def test_undefined_symbols_are_found(triple):
    """The test above would see a call."""
    text = "declare double @cos(double)\ndefine double @run(double %x) {\n  %y = call double @cos(double %x)\n"
    text += "  ret double %y\n}\n"
    names = undefined(native.object_code(text, baseline(triple)))
    assert {n.lstrip("_") for n in names} - {"fltused"} == {"cos"}
