"""--verify-numerics finds what is wrong with a model that a pass, or a file it reads, damaged.

numerics_test.py BIN_DIR WORK_DIR
"""

import glob
import hashlib
import json
import os
import re
import shlex
import struct
import subprocess
import sys

import harness
import numpy as np
from harness import FIXTURES, SMALL

CALIB = os.path.join(SMALL, "calib.txt")


def read_safetensors(path):
    """(header, bytes of the data)."""
    with open(path, "rb") as file:
        size = struct.unpack("<Q", file.read(8))[0]
        return json.loads(file.read(size)), bytearray(file.read())


def seal(header, data):
    """The hash that a file of the work directory carries (lib/Transforms/Quantize/WorkFile.h)."""
    types = {"BF16": "bf16", "F32": "f32", "I8": "i8"}
    metadata = header["__metadata__"]
    lines = [f"{key}={metadata[key]}\n" for key in sorted(metadata) if key != "qcc.sha256"]
    for name in sorted(header.keys() - {"__metadata__"}):
        tensor = header[name]
        content = hashlib.sha256(data[slice(*tensor["data_offsets"])]).hexdigest()
        words = [name, types[tensor["dtype"]], *map(str, tensor["shape"]), content]
        lines.append(" ".join(words) + "\n")
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def rewrite(path, name, change):
    """Changes 16-bit numbers of a tensor, [rows, columns] as raw bits, in a file and its seal."""
    header, data = read_safetensors(path)
    before = seal(header, data)
    begin, end = header[name]["data_offsets"]
    bits = np.frombuffer(data[begin:end], np.uint16).reshape(header[name]["shape"])
    with open(path, "rb") as file:
        head = file.read()[: -len(data)]
    data[begin:end] = change(bits).astype(np.uint16).tobytes()
    assert head.count(before.encode()) == 1, "the file carries its hash"
    with open(path, "wb") as file:
        file.write(head.replace(before.encode(), seal(header, data).encode()) + data)


class VerifyNumerics(harness.ToolTest):
    LAYER = "model.layers.2.mlp.down_proj"
    FOUND = f"{LAYER} is not what the float model computes"

    def setUp(self):
        super().setUp()
        self.work, self.out = self.path("work"), self.path("small.mlir")

    def compile(self, *flags):
        return self.call(
            "qcc", SMALL, "--quant", "w4a16", "--group-size", "64", "--calib", CALIB,
            "--calib-tokens", "1024", "--work-dir", self.work, "--compile-to=quantize",
            "-o", self.out, *flags,
        )  # fmt: skip

    def test_damaged_scales_are_found(self):
        result = self.compile("--verify-numerics=each")
        self.assertEqual(result.returncode, 0, result.stderr)
        for name in ("qcc-lower-precision", "qcc-gptq"):
            self.assertIn(f"numerics after {name}: worst place ", result.stderr)
        self.assertFalse(os.path.exists(self.out + ".numerics"))
        os.remove(self.out)

        # The next run finds its steps in the work directory, but one is not what it should be.
        (step,) = (
            path
            for path in glob.glob(os.path.join(self.work, "quantized", "*.safetensors"))
            if any(name.startswith(self.LAYER) for name in read_safetensors(path)[0])
        )
        scales = self.LAYER + ".weight.scales"
        rewrite(step, scales, lambda bits: bits.T.reshape(bits.shape))
        result = self.compile("--verify-numerics=each")
        self.refused(result, 65, "the quantize phase failed")
        self.assertIn(f"numerics after qcc-gptq: {self.FOUND}", result.stderr)
        self.assertIn(f"first op that differs: {self.LAYER}", result.stderr)
        self.assertRegex(result.stderr, r"value +float +quantized +error")
        self.assertFalse(os.path.exists(self.out))

        # The command that it names shows the same.
        command = re.search(r"qcc-opt \S+/before\.mlir --pass-pipeline='.*'", result.stderr).group()
        arguments = shlex.split(command)
        self.assertIn("qcc-gptq{", arguments[2])
        again = subprocess.run(
            [self.tool("qcc-opt"), *arguments[1:], "-o", os.devnull],
            capture_output=True, check=False, text=True, env=self.environment(),
        )  # fmt: skip
        self.assertNotEqual(again.returncode, 0)
        self.assertIn(self.FOUND, again.stderr)
        with open(os.path.join(self.out + ".numerics", "report.txt")) as file:
            report = file.read()
        self.assertIn(command, report)
        self.assertRegex(report, rf"(?m)^\* {self.LAYER} ")

        # At the end alone, the layer is found, too.
        result = self.compile("--verify-numerics=final")
        self.refused(result, 65, self.FOUND)

    def checked(self, model, calib, preset, *flags):
        return self.call(
            "qcc", model, "--quant", preset, "--calib", calib, "--compile-to=quantize",
            "--verify-numerics=final", "-o", self.out, *flags,
        )  # fmt: skip

    def test_healthy_models_pass(self):
        # Rounded keys and values, which factors of values would take for a fold.
        for cache in ("fp8", "int8"):
            result = self.checked(
                SMALL, CALIB, "w8a8", "--method=rtn", "--calib-tokens=1024", "--kv-cache-dtype", cache
            )
            self.assertEqual(result.returncode, 0, result.stderr)
        # Few tokens.
        few = self.path("few.npy")
        with open(CALIB, "rb") as file:
            np.save(few, np.frombuffer(file.read(64), np.uint8).astype(np.int32).reshape(2, 32))
        for method in ("rtn", "gptq"):
            result = self.checked(SMALL, few, "w8a8", "--method", method, "--kv-cache-dtype=fp8")
            self.assertEqual(result.returncode, 0, f"{method}: {result.stderr}")
        # Random weights make noise larger from layer to layer, until nothing is left of the float model's values.
        tokens = self.path("tokens.npy")
        np.save(tokens, np.random.default_rng(1).integers(0, 131, (32, 128)).astype(np.int32))
        for preset, method, cache in (
            ("fp8", "rtn", "fp8"),
            ("w8a8", "gptq", "fp8"),
            ("w8a8", "smoothquant+gptq", "int8"),
            ("w4a16", "rtn", "bf16"),
            ("w4a16", "gptq", "fp8"),
        ):
            for model in ("llama2", "qwen2"):
                result = self.checked(
                    os.path.join(FIXTURES, model), tokens, preset, "--method", method,
                    "--kv-cache-dtype", cache,
                )  # fmt: skip
                self.assertEqual(
                    result.returncode, 0, f"{model} {preset} {method} {cache}: {result.stderr}"
                )

    def test_a_bound_is_for_quantized_linears(self):
        flags = ("--method=rtn", "--calib-tokens=1024")
        # Well below what int8 weights give; other places keep the bounds of their formats.
        result = self.checked(SMALL, CALIB, "w8a16", *flags, "--verify-numerics-bound=20")
        self.assertEqual(result.returncode, 0, result.stderr)
        result = self.checked(SMALL, CALIB, "w8a16", *flags, "--verify-numerics-bound=80")
        self.refused(result, 65, "model.layers.0.self_attn.q_proj is not")
        self.assertIn("bound 80.0 dB", result.stderr)

    def test_what_it_needs(self):
        def refused(*flags):
            result = self.call("qcc", SMALL, "--quant", "w4a16", "-o", self.out, *flags)
            self.assertEqual(result.returncode, 2, result.stderr)
            return result.stderr

        self.assertIn("add --calib FILE", refused("--verify-numerics=each"))
        self.assertIn("must be final or each", refused("--verify-numerics=all", "--calib", CALIB))
        self.assertIn("is for --verify-numerics", refused("--verify-numerics-bound=3"))
        self.assertIn(
            "'x' is not a number of decibels",
            refused("--verify-numerics=each", "--calib", CALIB, "--verify-numerics-bound=x"),
        )

    def test_a_bound_that_nothing_keeps(self):
        result = self.call(
            "qcc-eval", SMALL, "--tokens", "1,2,3", "--quant", "w8a16", "--method", "rtn",
            "--calib", CALIB, "--verify-numerics=final", "--verify-numerics-bound=59",
        )  # fmt: skip
        self.refused(result, 65, "bound 59.0 dB")


if __name__ == "__main__":
    harness.main(sys.argv)
