#!/usr/bin/env python3
"""The run that a GPU gets, with PyTorch's streams and graphs played by the driver's: all of it but the peers' own calls.

    rehearsal_test.py BUILD_DIRECTORY
"""

import contextlib
import json
import os
import sys
import tempfile
import types
import unittest
from pathlib import Path

BUILD = Path(sys.argv.pop(1)).resolve()
os.environ.setdefault("QCC_LIBCUDA", str(BUILD / "bin/libqccsim.so"))

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "driver"))
import main  # noqa: E402
import peers  # noqa: E402
import shapes  # noqa: E402
import shim  # noqa: E402


SHAPES = shapes.DRY[::3]


class FakeTorch(types.ModuleType):
    """What main.py and timing.py use of torch. Operations are copies on the current stream; order violations raise."""

    def __init__(self, device):
        super().__init__("torch")
        fake = self
        self.__version__ = "0 (rehearsal)"
        self.bfloat16 = "bfloat16"
        self.streams = []  # the current one last
        self.capturing = False

        class Stream:
            def __init__(self):
                self.cuda_stream = device.stream()

        class CUDAGraph:
            def capture_begin(self, capture_error_mode):
                assert capture_error_mode in ("global", "thread_local", "relaxed")
                assert fake.streams, "PyTorch captures no default stream"
                self._stream = fake.streams[-1]
                fake.capturing = True
                device.call("CaptureBegin", device._device, self._stream.cuda_stream)

            def capture_end(self):
                fake.capturing = False
                self._graph = device.handle("CaptureEnd", device._device, self._stream.cuda_stream)

            def replay(self):
                assert fake.streams[-1] is self._stream
                device.launch_graph(self._graph, self._stream.cuda_stream)

            def reset(self):
                device.destroy_graph(self._graph)

        @contextlib.contextmanager
        def stream(chosen):
            fake.streams.append(chosen)
            yield
            fake.streams.pop()

        def synchronize():
            assert not fake.capturing, "synchronizing would break the capture"
            device.synchronize()

        self.cuda = types.SimpleNamespace(is_available=lambda: True, Stream=Stream, CUDAGraph=CUDAGraph, stream=stream,
                                          synchronize=synchronize, empty_cache=lambda: None)
        self.copy = lambda: device.copy(1 << 16, fake.streams[-1].cuda_stream)

    def randn(self, *_, dtype, device):
        return (dtype, device)

    def empty_like(self, tensor):
        return tensor

    def mm(self, *_, out):
        self.copy()


def fake_peers(torch, spec, copies, compiled):
    def works():
        return lambda copy: torch.copy()

    def cannot_be_made():
        raise NotImplementedError("no kernel for this\nand more")

    def cannot_run():
        def launch(copy):
            raise RuntimeError("refused")
        return launch

    def no_graph():
        def launch(copy):
            if torch.capturing:
                raise RuntimeError("not while capturing")
            torch.copy()
        return launch
    last = [("no graph", no_graph)] if spec.startswith("swiglu") else []
    return [("works", works), ("cannot be made", cannot_be_made), ("cannot run", cannot_run)] + last


class Rehearsal(unittest.TestCase):
    def run_main(self, *arguments, torch=FakeTorch):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        device = shim.Device(BUILD / "bin/libqcc_bench.so")
        device.facts.update(simulator=False, l2_bytes=4096, name="NVIDIA H999 (rehearsal)")
        replaced = [(main.shim, "Device", lambda path: device), (main, "COPY_BYTES", 1 << 18),
                    (peers, "of", fake_peers), (shapes, "timed", lambda dry, quick, classes: SHAPES)]
        for module, name, value in replaced:
            self.addCleanup(setattr, module, name, getattr(module, name))
            setattr(module, name, value)
        self.addCleanup(sys.modules.pop, "torch", None)
        sys.modules["torch"] = torch(device) if torch else None
        options = main.parse(["--bin", str(BUILD / "bin"), "--out", folder.name, "--no-engine", "--every", "40",
                              *arguments])
        code = main.Run(options).run()
        [found] = Path(folder.name).glob("*-h999-rehearsal.json")
        return code, json.loads(found.read_text()), found.with_suffix(".txt").read_text()

    def test_all_steps(self):
        code, result, text = self.run_main("--quick")
        self.assertEqual(code, 0, text)
        self.assertEqual([each["spec"] for each in result["timings"]], [row[1] for row in SHAPES])
        self.assertIn("swiglu", {each["class"] for each in result["timings"]})
        self.assertEqual({each["status"] for each in result["kernels"] + result["timings"]}, {"verified"})
        self.assertEqual(len(result["ceilings"]), 2)
        for each in result["timings"]:
            by_name = {peer["name"]: peer for peer in each["peers"]}
            self.assertAlmostEqual(by_name["works"]["ratio"], by_name["works"]["us"] / each["qcc"]["us"])
            self.assertEqual(each["qcc"]["mode"], "graph")
            reasons = {name: peer["unavailable"] for name, peer in by_name.items() if "unavailable" in peer}
            expected = {"cannot be made": "NotImplementedError: no kernel for this",
                        "cannot run": "RuntimeError: refused"}
            if each["class"] == "swiglu":
                expected["no graph"] = "cannot be captured in a graph: not while capturing"
            self.assertEqual(reasons, expected)
        self.assertIn("cannot run: not timed: RuntimeError: refused", text)
        self.assertNotIn("MEANINGLESS", text)

    def test_without_torch_its_own_figures_are_kept(self):
        code, result, _ = self.run_main("--no-check", torch=None)
        self.assertEqual(code, 1)
        self.assertIn("PyTorch cannot be used", result["errors"][0])
        self.assertEqual({each["status"] for each in result["timings"]}, {"verified"})


if __name__ == "__main__":
    unittest.main()
