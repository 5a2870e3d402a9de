"""The search for garbage, put off while many objects are made that all stay.

Python looks through all objects again and again while their number grows, for cycles that nobody refers to. Where a
graph of 100,000 equations is written it finds none, and takes more than half of the time.
"""

import gc
import threading
from types import TracebackType


class PutOff:
    """A block in which Python does not look for cycles: `with put_off:`. Blocks may be nested, and run in any threads.

    Objects that no cycle holds are freed at once, as ever.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.inside = 0
        self.was_on = False

    def __enter__(self) -> None:
        with self.lock:
            if self.inside == 0:
                self.was_on = gc.isenabled()
                gc.disable()
            self.inside += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0 and self.was_on:
                gc.enable()


put_off = PutOff()
