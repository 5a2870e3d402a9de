"""Loops that are shared out over the cores, and the pool of threads that does it.

A loop is cut into chunks whose number and size depend on its length alone. Every thread takes the next chunk that
nobody has; what the chunks reduce to is put together in their order. So results are the same, bit for bit, on any
number of threads.

The pool is a program of ours, written as IR: a hand-over takes below a microsecond to a thread that has just worked and
still looks out for more, and tens of microseconds to one that sleeps. Its threads are Python's, which never hold the
global lock; they sleep on Python's own locks (`PyThread_acquire_lock`), which every platform has.
"""

from __future__ import annotations

import atexit
import ctypes
import os
import sys
import threading
from collections.abc import Callable, Sequence

from . import subnormals
from .llvm import Function, Module, Reduction, Value, i32, i64, ptr, void
from .native import Program, link
from .target import host

CHUNK = 8192
"""Elements of a chunk at the least"""
CHUNKS = 256
"""Chunks at the most; what they reduce to is kept on the stack"""
PAYS = 32768
"""Elements from which on a loop of some ten operations is quicker on two threads"""

# ---- in a plan ----------------------------------------------------------------------------------------------------

PARALLEL = "chainrule.parallel"


def share(
    f: Function, count: Value, work: Callable[..., None], values: Sequence[Value] = (), worthwhile: Value | None = None
) -> None:
    """Has `work(g, k, *values)` done for each k below `count`, by the threads of the pool, in any order.

    Parameters
    ----------
    f : Function
    count : Value
    work : callable
        Writes what is to be done for one k into `g`, another function of the module, where `values` are what they are
        in `f`. It may use no other values of `f`.
    values : sequence of Value
        Single numbers and pointers.
    worthwhile : Value, optional
        Where it does not hold, this thread does it all, in the order of k.
    """
    context = f.scratch(i64, max(len(values), 1))
    for k, value in enumerate(values):
        f.store(value, f.offset(context, k, i64))
    number = sum(name.startswith("chunk") for name in f.module.functions)
    g = f.module.function(f"chunk{number}", ptr, i64, exported=False, attributes="noinline")
    work(g, g.args[1], *(g.load(v.type, g.offset(g.args[0], k, i64)) for k, v in enumerate(values)))
    g.ret()

    def together() -> None:
        address = Value(f, f"@{g.name}", ptr)
        f.do_call(f.module.foreign(PARALLEL, void, ptr, ptr, i64), address, context, count)

    def alone() -> None:
        f.loop(count, lambda k: f.do_call(g, context, k))

    f.when(count > 1 if worthwhile is None else worthwhile, together, alone)


def shared_loop(
    f: Function,
    extent: Value | int,
    width: int,
    body: Callable[..., Sequence[Value] | None],
    values: Sequence[Value] = (),
    reductions: Sequence[Reduction] = (),
    unroll: int = 1,
    pays: int = PAYS,
) -> tuple[Value, ...]:
    """`f.vector_loop`, shared out over the threads of the pool.

    Parameters
    ----------
    f : Function
    extent : Value or int
    width : int
    body : callable
        `body(lanes, *values)`, as `work` of `share`; what it returns is reduced.
    values : sequence of Value
    reductions, unroll
        As of `vector_loop`.
    pays : int
        The number of elements below which this thread does it alone.

    Returns
    -------
    tuple of Value
        A single number for each of `reductions`, which does not depend on the number of threads.
    """
    extent = extent if isinstance(extent, Value) else f.constant(extent, i64)
    chunk = f.emit(i64, f"sdiv i64 {(extent + (CHUNKS - 1)).text}, {CHUNKS}")
    chunk = (f.select(chunk < CHUNK, CHUNK, chunk) + 63) & -64
    count = f.emit(i64, f"sdiv i64 {(extent + chunk - 1).text}, {chunk.text}")
    parts = [f.scratch(r.type, CHUNKS) for r in reductions]

    def work(g: Function, k: Value, extent: Value, chunk: Value, *rest: Value) -> None:
        parts, values = rest[: len(reductions)], rest[len(reductions) :]
        start = k * chunk
        stop = start + chunk
        stop = g.select(stop > extent, extent, stop)
        sums = g.vector_loop(stop, width, lambda lanes: body(lanes, *values), reductions, unroll, start=start)
        for part, s in zip(parts, sums, strict=True):
            g.store(s, g.offset(part, k, s.type))

    share(f, count, work, [extent, chunk, *parts, *values], extent >= pays)

    def combined(k: Value, *sums: Value) -> list[Value]:
        each = zip(sums, parts, reductions, strict=True)
        return [r.combine(s, f.load(r.type, f.offset(p, k, r.type))) for s, p, r in each]

    return f.loop(count, combined, [f.constant(r.identity, r.type) for r in reductions])


# ---- the pool -----------------------------------------------------------------------------------------------------

LINE = 8
"""Words between numbers that several threads write to, so that each has a cache line of its own"""
WORK, CONTEXT, COUNT, STATE, WORKERS, STOP = range(6)
NEXT, BUSY = 2 * LINE, 3 * LINE
FIRST = 4 * LINE
"""Of each worker: what it does, its lock, and whether that is open, in a line of its own"""
IDLE, CALLED, WORKING = range(3)
PATIENCE = 2000
"""How often a thread that has worked looks out for more before it sleeps: some tens of microseconds"""


class _PoolWriter:
    """Writes the two functions of the pool: that of the callers, and that of the workers."""

    def __init__(self) -> None:
        self.module = Module(host())
        self.acquire = self.module.foreign("PyThread_acquire_lock", i32, ptr, i32)
        self.release = self.module.foreign("PyThread_release_lock", void, ptr)
        self.give_way = self.module.foreign("yield", i32)
        self.caller(self.module.function("parallel", ptr, ptr, i64))
        self.worker(self.module.function("worker", ptr, i64))

    @staticmethod
    def word(f: Function, pool: Value, place: Value | int) -> Value:
        return f.offset(pool, place, i64)

    def of_worker(self, f: Function, pool: Value, k: Value) -> tuple[Value, Value]:
        at = FIRST + k * LINE
        return self.word(f, pool, at), f.load(ptr, self.word(f, pool, at + 1))

    def pending(self, f: Function, pool: Value, k: Value) -> Value:
        """Whether a worker's lock is open, or about to be."""
        return self.word(f, pool, FIRST + k * LINE + 2)

    def take_chunks(self, f: Function, pool: Value) -> None:
        """Does the next chunk, again and again, until none is left."""
        work, context = f.load(ptr, self.word(f, pool, WORK)), f.load(ptr, self.word(f, pool, CONTEXT))
        count, following = f.load(i64, self.word(f, pool, COUNT)), self.word(f, pool, NEXT)

        def taken() -> Value:
            return f.atomic("add", following, f.constant(1, i64))

        def do(k: Value) -> list[Value]:
            f.do_call(work, context, k)
            return [taken()]

        f.repeat(lambda k: k < count, do, [taken()])

    def caller(self, f: Function) -> None:
        work, context, count = f.args
        pool = f.load(ptr, self.module.variable(f, "pool", ptr))

        def alone() -> None:
            f.loop(count, lambda k: f.do_call(work, context, k))

        def claimed() -> list[Value]:
            return [f.atomic("xchg", self.word(f, pool, BUSY), f.constant(1, i64)).eq(0)]

        def free() -> tuple[Value, ...]:
            several = (count > 1) & f.load(i64, self.word(f, pool, WORKERS)).ne(0)
            return f.when(several, claimed, lambda: [f.constant(False, several.type)])

        # A pool that is busy, with another thread's loop or with the loop around this one, is not waited for.
        (mine,) = f.when(pool.ne(None), free, lambda: [f.constant(False, count.type.mask)])
        f.when(mine, lambda: self.together(f, pool), alone)
        f.ret()

    def together(self, f: Function, pool: Value) -> None:
        work, context, count = f.args
        for value, place in ((work, WORK), (context, CONTEXT), (count, COUNT), (subnormals.state(f), STATE)):
            f.store(value, self.word(f, pool, place))
        f.atomic_store(f.constant(0, i64), self.word(f, pool, NEXT))
        workers = f.load(i64, self.word(f, pool, WORKERS))
        called = f.select(workers < count - 1, workers, count - 1)

        def call(k: Value) -> None:
            doing, lock = self.of_worker(f, pool, k)
            f.atomic_store(f.constant(CALLED, i64), doing)
            opened = f.atomic("xchg", self.pending(f, pool, k), f.constant(1, i64))
            f.when(opened.eq(0), lambda: f.do_call(self.release, lock), lambda: None)

        def wait(k: Value) -> None:
            doing, _ = self.of_worker(f, pool, k)
            # One that has not woken up yet is not needed any more.
            f.exchange_if(doing, f.constant(CALLED, i64), f.constant(IDLE, i64))

            def longer(tries: Value) -> list[Value]:
                f.pause()
                f.when(tries > PATIENCE, lambda: f.do_call(self.give_way), lambda: None)
                return [tries + 1]

            f.repeat(lambda tries: f.atomic_load(i64, doing).ne(IDLE), longer, [f.constant(0, i64)])

        f.loop(called, call)
        self.take_chunks(f, pool)
        f.loop(called, wait)
        f.atomic_store(f.constant(0, i64), self.word(f, pool, BUSY))

    def worker(self, f: Function) -> None:
        pool, k = f.args
        doing, lock = self.of_worker(f, pool, k)
        stop = self.word(f, pool, STOP)

        def is_called() -> Value:
            return f.atomic_load(i64, doing).eq(CALLED)

        def look_out(tries: Value) -> list[Value]:
            f.pause()
            return [tries + 1]

        def turn(_: Value) -> list[Value]:
            f.repeat(lambda tries: (tries < PATIENCE) & ~is_called(), look_out, [f.constant(0, i64)])

            # The lock is opened with a call, unless it is open. Who is awake closes it without waiting; if that comes
            # too early it stays open, and the next sleep ends at once.
            wait = f.select(is_called(), 0, 1, type=i32)
            closed = f.call(self.acquire, lock, wait).ne(0)

            def note() -> None:
                f.atomic("xchg", self.pending(f, pool, k), f.constant(0, i64))

            f.when(closed, note, lambda: None)
            mine = f.exchange_if(doing, f.constant(CALLED, i64), f.constant(WORKING, i64))
            f.when(mine, lambda: self.work(f, pool, doing), lambda: None)
            return [f.atomic_load(i64, stop)]

        f.repeat(lambda stopped: stopped.eq(0), turn, [f.constant(0, i64)])
        f.ret()

    def work(self, f: Function, pool: Value, doing: Value) -> None:
        subnormals.restore(f, f.load(i64, self.word(f, pool, STATE)))
        self.take_chunks(f, pool)
        f.atomic_store(f.constant(IDLE, i64), doing)


class Pool:
    """The threads of this process; made when a plan that shares its loops is first loaded."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.program: Program | None = None
        self.threads: list[threading.Thread] = []
        self.words: ctypes.Array | None = None
        self.forked = False

    def address(self) -> int:
        """Of the function that plans call, `void parallel(work, context, count)`."""
        with self.lock:
            if self.program is None:
                self.program = link(_PoolWriter().module, _addresses(), level=1)
            if self.words is None and not self.forked:
                self._start(default_threads())
            return self.program["parallel"]

    def resize(self, threads: int) -> None:
        self.address()
        with self.lock:
            self._stop()
            self._start(threads)

    def _start(self, threads: int) -> None:
        assert self.program is not None
        workers = max(threads, 1) - 1
        self.words = (ctypes.c_int64 * (FIRST + LINE * (workers + 1)))()
        allocate = ctypes.PYFUNCTYPE(ctypes.c_void_p)(("PyThread_allocate_lock", ctypes.pythonapi))
        acquire = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int)(
            ("PyThread_acquire_lock", ctypes.pythonapi)
        )
        run = self.program.function("worker", ctypes.c_void_p, ctypes.c_int64)
        self.words[WORKERS] = workers
        at = ctypes.addressof(self.words)
        for k in range(workers):
            lock = allocate()
            acquire(lock, 1)
            self.words[FIRST + LINE * k + 1] = lock
            name = f"chainrule-{k + 1}"
            self.threads.append(threading.Thread(target=run, args=(at, k), name=name, daemon=True))
            self.threads[-1].start()
        self._point(at)

    def _point(self, at: int) -> None:
        assert self.program is not None
        ctypes.c_void_p.from_address(self.program["pool"]).value = at or None

    def _stop(self) -> None:
        """Ends the threads; no plan may run meanwhile."""
        if self.words is not None and self.program is not None:
            self._point(0)
            self.words[STOP] = 1
            release = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(("PyThread_release_lock", ctypes.pythonapi))
            for k in range(len(self.threads)):
                release(self.words[FIRST + LINE * k + 1])
            for thread in self.threads:
                thread.join()
            free = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(("PyThread_free_lock", ctypes.pythonapi))
            for k in range(len(self.threads)):
                free(self.words[FIRST + LINE * k + 1])
        self.threads, self.words = [], None

    def forget(self) -> None:
        """In a process that was forked off, which has none of the threads: loops are done by the caller alone.

        It starts none of its own either, unless `set_threads` is called: a fork of a process with threads may find a
        lock of the system's taken for ever.
        """
        self.lock, self.threads, self.words, self.forked = threading.Lock(), [], None, True
        if self.program is not None:
            self._point(0)


_pool = Pool()
atexit.register(_pool._stop)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.forget)


def _addresses() -> dict[str, int]:
    system = ctypes.WinDLL("kernel32") if sys.platform == "win32" else ctypes.CDLL(None)
    give_way = system.SwitchToThread if sys.platform == "win32" else system.sched_yield
    found = {"yield": give_way}
    found |= {name: getattr(ctypes.pythonapi, name) for name in ("PyThread_acquire_lock", "PyThread_release_lock")}
    return {name: ctypes.cast(function, ctypes.c_void_p).value or 0 for name, function in found.items()}


def default_threads() -> int:
    """`CHAINRULE_NUM_THREADS` or `OMP_NUM_THREADS`, if one is set; else the cores that this process may use."""
    for name in ("CHAINRULE_NUM_THREADS", "OMP_NUM_THREADS"):
        value = os.environ.get(name, "").split(",")[0]
        if value.isdigit() and int(value) > 0:
            return int(value)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_threads(count: int) -> None:
    """Sets how many threads share a loop, the caller's included; no plan may run meanwhile.

    Raises
    ------
    ValueError
        `count` is below 1.
    """
    if count < 1:
        raise ValueError(f"set_threads: count is {count}, there has to be at least the caller's own thread")
    _pool.resize(count)


def addresses() -> dict[str, int]:
    """What a module with shared loops has to be linked with; starts the pool."""
    return {PARALLEL: _pool.address()}
