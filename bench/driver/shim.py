"""libqcc_bench.so (bench/timing/QccBench.h) from Python."""

import ctypes
import json

_POINTER, _TEXT, _INT, _SIZE = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_size_t
_SIGNATURES = {
    "Error": (_TEXT, []),
    "Open": (_POINTER, [_TEXT, _INT]),
    "Describe": (_TEXT, [_POINTER]),
    "Kernels": (_TEXT, [_POINTER, _TEXT]),
    "Compile": (_INT, [_POINTER, _TEXT]),
    "Create": (_POINTER, [_POINTER, _TEXT, _SIZE]),
    "Destroy": (None, [_POINTER]),
    "ProblemDescribe": (_TEXT, [_POINTER]),
    "Verify": (_INT, [_POINTER]),
    "Launch": (_INT, [_POINTER, _INT, _POINTER]),
    "Synchronize": (_INT, [_POINTER]),
    "EventCreate": (_POINTER, [_POINTER]),
    "EventRecord": (_INT, [_POINTER, _POINTER, _POINTER]),
    "Elapsed": (_INT, [_POINTER, _POINTER, _POINTER, ctypes.POINTER(ctypes.c_float)]),
    "StreamCreate": (_POINTER, [_POINTER]),
    "CaptureBegin": (_INT, [_POINTER, _POINTER]),
    "CaptureEnd": (_POINTER, [_POINTER, _POINTER]),
    "GraphLaunch": (_INT, [_POINTER, _POINTER, _POINTER]),
    "GraphDestroy": (_INT, [_POINTER, _POINTER]),
    "Copy": (_INT, [_POINTER, _SIZE, _POINTER]),
}


class ShimError(Exception):
    """What qccBenchError said."""


class Device:
    """Device 0. `library` None: QCC_LIBCUDA, else libcuda.so.1; `target` 0: the device's own."""

    def __init__(self, shim_path, library=None, target=0):
        try:
            shim = ctypes.CDLL(str(shim_path))
        except OSError as error:
            raise ShimError(f"{shim_path}: {error}") from error
        self._functions = {}
        for name, (result, arguments) in _SIGNATURES.items():
            function = getattr(shim, "qccBench" + name)
            function.restype, function.argtypes = result, arguments
            self._functions[name] = function
        self._device = self.handle("Open", library.encode() if library else None, target)
        self.facts = json.loads(self._functions["Describe"](self._device))

    def handle(self, name, *arguments):
        result = self._functions[name](*arguments)
        if not result:
            raise ShimError(self._functions["Error"]().decode())
        return result

    def call(self, name, *arguments):
        if self._functions[name](*arguments) != 0:
            raise ShimError(self._functions["Error"]().decode())

    def kernels(self, spec):
        """Symbols and configurations of what a specification launches."""
        return self.handle("Kernels", self._device, spec.encode()).decode()

    def compile(self, specs):
        """Puts the kernels of all specifications into the kernel cache, using every processor."""
        self.call("Compile", self._device, "\n".join(specs).encode())

    def problem(self, spec, rotate_bytes):
        return Problem(self, self.handle("Create", self._device, spec.encode(), rotate_bytes))

    def describe_problem(self, handle):
        return json.loads(self._functions["ProblemDescribe"](handle))

    def destroy_problem(self, handle):
        self._functions["Destroy"](handle)

    def synchronize(self):
        self.call("Synchronize", self._device)

    def event(self):
        return self.handle("EventCreate", self._device)

    def record(self, event, stream):
        self.call("EventRecord", self._device, event, stream)

    def elapsed_us(self, start, end):
        """Waits for `end`."""
        milliseconds = ctypes.c_float()
        self.call("Elapsed", self._device, start, end, ctypes.byref(milliseconds))
        return milliseconds.value * 1e3

    def stream(self):
        return self.handle("StreamCreate", self._device)

    def capture(self, stream, enqueue):
        """An executable graph of what `enqueue` puts on the stream."""
        self.call("CaptureBegin", self._device, stream)
        try:
            enqueue()
        finally:
            graph = self.handle("CaptureEnd", self._device, stream)
        return graph

    def launch_graph(self, graph, stream):
        self.call("GraphLaunch", self._device, graph, stream)

    def destroy_graph(self, graph):
        self.call("GraphDestroy", self._device, graph)

    def copy(self, count, stream):
        self.call("Copy", self._device, count, stream)


class Problem:
    """A kernel on random data (bench/timing/Spec.h says what a specification looks like). A context manager."""

    def __init__(self, device, handle):
        self._device, self._handle = device, handle
        facts = device.describe_problem(handle)
        self.bytes, self.flops = facts["bytes"], facts["flops"]
        self.copies, self.kernels = facts["copies"], facts["kernels"]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._device.destroy_problem(self._handle)
        self._handle = None

    def verify(self):
        """What is wrong with samples of the output, or None."""
        try:
            self._device.call("Verify", self._handle)
        except ShimError as error:
            return str(error)
        return None

    def launch(self, copy, stream):
        self._device.call("Launch", self._handle, copy, stream)
