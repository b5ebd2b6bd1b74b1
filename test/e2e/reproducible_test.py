"""The same model and flags give the same engine, bit for bit, whatever happens around the compiler.

reproducible_test.py BIN_DIR WORK_DIR
"""

import os
import shutil
import sys

import harness
from harness import FIXTURES, SMALL, Recipe

RECIPE = Recipe("w4a16", "fp8").flags()
COMMON = ["--target", "sm_80,sm_90", "--quiet"]
FLAGS = COMMON + RECIPE
PHASES = ["import", "quantize", "schedule", "engine"]


def content(path):
    with open(path, "rb") as file:
        return file.read()


class Reproducible(harness.ToolTest):
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


if __name__ == "__main__":
    harness.main(sys.argv)
