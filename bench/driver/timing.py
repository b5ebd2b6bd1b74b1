"""Interleaved timing of several contenders in one process.

All contenders launch on the same stream; a measurement is many launches between two events, as one replayed graph, so that
neither the clock's grain nor the cost of launching counts. Contenders take turns, in alternating order, so that a change
of clocks meets them all; the figure is the median over the rounds.
"""

import contextlib
import statistics
import time

MAX_LAUNCHES = 512  # in one measurement
MIN_US = 1500  # of one measurement


class BareBackend:
    """A stream and graphs of the driver's own, for machines without PyTorch."""

    def __init__(self, device):
        self._device = device
        self.stream = device.stream()

    def current(self):
        return contextlib.nullcontext()

    def capture(self, enqueue):
        graph = self._device.capture(self.stream, enqueue)
        return (lambda: self._device.launch_graph(graph, self.stream),
                lambda: self._device.destroy_graph(graph))


class TorchBackend:
    """PyTorch's stream and graphs: its allocator must know of a capture."""

    def __init__(self, torch):
        self._torch = torch
        self._stream = torch.cuda.Stream()
        self.stream = self._stream.cuda_stream

    def current(self):
        return self._torch.cuda.stream(self._stream)

    def capture(self, enqueue):
        graph = self._torch.cuda.CUDAGraph()
        self._torch.cuda.synchronize()
        graph.capture_begin(capture_error_mode="thread_local")
        try:
            enqueue()
        except BaseException:
            with contextlib.suppress(Exception):  # ending a broken capture fails too; the reason is the first error
                graph.capture_end()
            raise
        graph.capture_end()
        return graph.replay, graph.reset


class Contender:
    def __init__(self, name, launch, copies):
        """`launch(copy)` enqueues one run on the backend's stream, for copy < copies."""
        self.name, self.launch, self.copies = name, launch, copies
        self.launches = copies
        self.times = []

    def run(self):
        for turn in range(self.launches):
            self.launch(turn % self.copies)

    def result(self, mode):
        ordered = sorted(self.times)
        return {"name": self.name, "us": statistics.median(ordered), "min_us": ordered[0], "max_us": ordered[-1],
                "rounds": len(ordered), "launches": self.launches, "mode": mode}


class Stopwatch:
    def __init__(self, device, stream):
        self._device, self._stream = device, stream
        self._start, self._end = device.event(), device.event()

    def us(self, action):
        self._device.record(self._start, self._stream)
        action()
        self._device.record(self._end, self._stream)
        return self._device.elapsed_us(self._start, self._end)


def _plan_launches(contender, watch, min_us):
    """Whole turns through the copies, until one measurement takes min_us."""
    contender.run()  # first use: modules load, libraries choose their kernels
    turn_us = max(watch.us(contender.run), 1e-3)
    turns = min(max(1, round(min_us / turn_us)), max(1, MAX_LAUNCHES // contender.copies))
    contender.launches = turns * contender.copies


def reason(error):
    """The first line of an exception's text, or its type."""
    return str(error).splitlines()[0] if str(error) else type(error).__name__


def measure(backend, watch, contenders, rounds, seconds, min_us=MIN_US):
    """Fills each contender's times; returns their results in order.

    At least three rounds (fewer if `rounds` is), then until `rounds` or `seconds`. Graphs for all: a contender that cannot
    be captured is left out, with the reason. If the first, whose figures are wanted, cannot be, all launch one by one.
    """
    with backend.current():
        actions, cleanups, refused, mode = {}, [], {}, "graph"
        try:
            for contender in contenders:
                _plan_launches(contender, watch, min_us)
                try:
                    actions[contender], cleanup = backend.capture(contender.run)
                    cleanups.append(cleanup)
                except Exception as error:  # whichever library refuses has errors of its own
                    if contender is contenders[0]:
                        mode = f"stream (no graph: {reason(error)})"
                        break
                    refused[contender] = f"cannot be captured in a graph: {reason(error)}"
            if mode != "graph":
                for contender in contenders[1:]:
                    _plan_launches(contender, watch, min_us)
                actions = {contender: contender.run for contender in contenders}
            _take_turns(actions, watch, rounds, seconds)
        finally:
            for cleanup in cleanups:
                cleanup()
    return [{"name": each.name, "unavailable": refused[each]} if each in refused else each.result(mode)
            for each in contenders]


def _take_turns(actions, watch, rounds, seconds):
    for action in actions.values():  # warm
        action()
    began = time.monotonic()
    for turn in range(rounds):
        order = list(actions.items())
        for contender, action in order if turn % 2 == 0 else reversed(order):
            contender.times.append(watch.us(action) / contender.launches)
        if turn >= 2 and time.monotonic() - began > seconds:
            break
