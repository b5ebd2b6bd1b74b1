"""The same model and flags give the same engine, bit for bit, whatever happens around the compiler.

reproducible_test.py BIN_DIR WORK_DIR
"""

import glob
import os
import shutil
import subprocess
import sys
import time

import harness
import numpy as np
from harness import CALIB, FIXTURES, SMALL, Recipe

RECIPE = Recipe("w4a16", "fp8").flags()
COMMON = ["--target", "sm_80,sm_90", "--quiet"]
FLAGS = COMMON + RECIPE
PHASES = ["import", "quantize", "schedule", "engine"]


CALIBRATED = {
    "awq and gptq": ["--quant", "w4a16", "--method", "awq+gptq", "--group-size", "32"],
    "smoothquant": ["--quant", "w8a8", "--method", "smoothquant", "--kv-cache-dtype", "fp8"],
    "pruned": ["--quant", "fp8", "--sparsity", "2:4"],
}


def content(path):
    with open(path, "rb") as file:
        return file.read()


class EngineTest(harness.ToolTest):
    def compile(self, name, *arguments, **more):
        """The bytes of the engine that qcc writes under `name` in the test's folder."""
        out = self.path(name)
        self.succeed("qcc", *arguments, "-o", out, **more)
        return content(out)

    def check_same(self, expected, actual, what):
        # Not assertEqual: it would print megabytes.
        self.assertTrue(
            expected == actual,
            f"the engine differs {what}: {len(expected)} and {len(actual)} bytes",
        )


class Reproducible(EngineTest):
    def test_compiling_on_from_each_phase(self):
        dumps = self.path("dumps")
        expected = self.compile("whole", SMALL, *FLAGS, "--dump-phases-to", dumps)
        self.assertEqual(
            sorted(os.listdir(dumps)), [f"{i + 1}.{phase}.mlir" for i, phase in enumerate(PHASES)]
        )
        # Once the quantize phase has run, the recipe is in the IR and its flags are refused.
        for index, phase in enumerate(PHASES):
            with self.subTest(phase):
                dump = os.path.join(dumps, f"{index + 1}.{phase}.mlir")
                self.assertLess(os.path.getsize(dump), 1 << 20, "no weights in the IR")
                flags = FLAGS if phase == "import" else COMMON
                actual = self.compile(phase, "--compile-from", phase, dump, *flags)
                self.check_same(expected, actual, f"when compiled from {phase}")
                printed = self.compile(phase + ".mlir", SMALL, *FLAGS, "--compile-to", phase)
                self.check_same(
                    content(dump), printed, f"between --compile-to={phase} and --dump-phases-to"
                )

    def test_threads(self):
        one = self.compile("one", SMALL, *FLAGS, "--threads", 1)
        for threads in (2, 7):
            self.check_same(
                one,
                self.compile("more", SMALL, *FLAGS, "--threads", threads),
                f"with {threads} threads",
            )

    def test_kernel_cache_place_and_output(self):
        """Cold and warm cache, another working folder, output and path to the model."""
        model = os.path.join(FIXTURES, "llama2")
        cold = ["--kernel-cache", self.path("cache")]
        expected = self.compile("cold", model, *FLAGS, *cold)
        self.check_same(expected, self.compile("warm", model, *FLAGS, *cold), "with a warm cache")
        shutil.rmtree(self.path("cache"))
        self.check_same(
            expected,
            self.compile("again", model, *FLAGS, *cold, "--threads", 1),
            "with a cold cache again",
        )
        os.mkdir(self.path("elsewhere"))
        shutil.copytree(model, self.path("elsewhere/llama2"))
        self.check_same(
            expected,
            self.compile("elsewhere/x", "llama2", *FLAGS, *cold, cwd=self.path("elsewhere")),
            "when compiled from a copy of the model, in another folder",
        )

    def test_flags_matter(self):
        """The comparison would notice a difference."""
        model = os.path.join(FIXTURES, "llama2")
        first = self.compile("a", model, *FLAGS)
        self.assertNotEqual(
            first,
            self.compile("b", model, "--target", "sm_90", *Recipe("w4a16").flags(), "--quiet"),
        )


class Calibrated(EngineTest):
    """Searched and solved weights too."""

    def test_threads(self):
        model = os.path.join(FIXTURES, "llama2")
        calib = self.path("calib.npy")
        np.save(calib, np.random.default_rng(1).integers(0, 131, (16, 64), dtype=np.int32))
        for name, flags in CALIBRATED.items():
            with self.subTest(name):
                flags = [*COMMON[2:], *flags, "--calib", calib]
                one = self.compile("one", model, *flags, "--threads", 1)
                two = self.compile("two", model, *flags, "--threads", 2)
                self.check_same(one, two, f"({name}) with 2 threads")

    def finished(self, folder):
        """The files of finished steps and when each was written."""
        files = glob.glob(os.path.join(folder, "quantized", "*.safetensors"))
        return {path: os.stat(path).st_mtime_ns for path in files}

    def test_going_on_after_a_kill(self):
        flags = ["--target", "sm_90", "--quiet", "--quant", "w8a8", "--method", "smoothquant+gptq"]
        flags += ["--calib", CALIB, "--calib-tokens", "2048"]
        expected = self.compile("undisturbed", SMALL, *flags)
        self.assertFalse(os.path.exists(self.path("undisturbed.work")))
        out, work = self.path("killed"), self.path("work")
        for steps in (1, 12):
            with self.subTest(steps):
                command = [self.tool("qcc"), SMALL, *flags, "--work-dir", work, "-o", out]
                process = subprocess.Popen(command, env=self.environment())
                while process.poll() is None and len(self.finished(work)) < steps:
                    time.sleep(0.01)
                process.kill()
                self.assertNotEqual(process.wait(), 0, "nothing was interrupted")
                self.assertFalse(os.path.exists(out))
                before = self.finished(work)
                self.check_same(
                    expected,
                    self.compile("killed", SMALL, *flags, "--work-dir", work),
                    f"after a kill behind {len(before)} steps",
                )
                after = self.finished(work)
                self.assertEqual({path: after[path] for path in before}, before)
                self.assertGreater(len(after), len(before))
                os.unlink(out)
                shutil.rmtree(work)


class SharedWorkDirectory(EngineTest):
    """What one run left in a work directory is never taken for what another would find."""

    TARGET = ["--target", "sm_90", "--quiet"]
    VARIANTS = {
        "clips behind another smoothing": (
            ["--quant", "w4a16", "--method", "smoothquant+awq", "--group-size", "32"],
            ["--calib", "CALIB1", "--smooth-alpha", "0.5"],
            ["--calib", "CALIB1", "--smooth-alpha", "0.8"],
        ),
        "static scales and fp8 codes": (
            ["--quant", "fp8_tensor"],
            ["--calib", "CALIB1"],
            ["--calib", "CALIB2"],
        ),
    }

    def test_variants_side_by_side(self):
        model = os.path.join(FIXTURES, "llama2")
        calib = {f"CALIB{seed}": self.path(f"calib{seed}.npy") for seed in (1, 2)}
        for seed, path in enumerate(calib.values()):
            tokens = np.random.default_rng(seed).integers(0, 131, (16, 64), dtype=np.int32)
            np.save(path, tokens)
        for name, (common, *variants) in self.VARIANTS.items():
            with self.subTest(name):
                first, second = (
                    [*common, *(calib.get(flag, flag) for flag in flags)] for flags in variants
                )
                alone = [
                    self.compile("alone", model, *self.TARGET, *flags) for flags in (first, second)
                ]
                self.assertNotEqual(*map(hash, alone), "the variants should differ")
                work = ["--work-dir", self.path(name)]
                self.compile("first.mlir", model, *first, *work, "--quiet", "--compile-to=quantize")
                self.check_same(
                    alone[1],
                    self.compile("second", model, *self.TARGET, *second, *work),
                    "in a work directory that another variant has used",
                )
                ir = self.path("first.mlir")
                self.check_same(
                    alone[0],
                    self.compile("late", "--compile-from", "quantize", ir, *self.TARGET),
                    "from IR whose work directory another variant has used since",
                )


if __name__ == "__main__":
    harness.main(sys.argv)
