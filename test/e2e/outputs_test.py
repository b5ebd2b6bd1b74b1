"""Outputs are checked before the work, never replace an input, and logs say what they are about.

    outputs_test.py BIN_DIR WORK_DIR
"""

import fcntl
import os
import shutil
import sys

import harness
import numpy as np
from harness import FIXTURES, Recipe

MODEL = os.path.join(FIXTURES, "llama2")


class OutputTest(harness.ToolTest):
    def setUp(self):
        super().setUp()
        self.model = self.path("model")
        shutil.copytree(MODEL, self.model)
        self.weights = os.path.join(self.model, "model.safetensors")
        self.calib = self.path("calib.npy")
        np.save(self.calib, (np.arange(16 * 32) % 97).reshape(16, 32).astype(np.int32))
        self.stats = self.path("stats.safetensors")
        self.succeed("qcc-calibrate", self.model, "--calib", self.calib, "-o", self.stats)

    def contents(self):
        found = {}
        for folder, _, files in os.walk(self.folder):
            for name in files:
                with open(os.path.join(folder, name), "rb") as file:
                    found[os.path.join(folder, name)] = file.read()
        return found

    def check_refused(self, status, message, name, *arguments):
        """The tool refuses, and every file is as it was: none new, none changed."""
        before = self.contents()
        self.refused(self.call(name, *arguments), status, message)
        self.assertTrue(self.contents() == before, "files changed")


class Inputs(OutputTest):
    MESSAGE = "the output is one of the inputs"

    def test_of_qcc(self):
        recipe = self.path("recipe.yaml")
        with open(recipe, "w") as file:
            file.write("quant_stage: {quant_modifiers: {QuantizationModifier: {scheme: FP8_DYNAMIC}}}\n")
        gptq = ("--quant", "w4a16", "--calib", self.calib)
        for flags, out in (
            (("--recipe", recipe), recipe),
            (gptq, self.calib),
            (("--quant", "fp8_tensor", "--stats", self.stats), self.stats),
        ):
            self.check_refused(74, self.MESSAGE, "qcc", self.model, *flags, "-o", out)

    def test_of_qcc_calibrate(self):
        for out in (self.weights, os.path.join(self.model, "config.json"), self.calib):
            self.check_refused(
                74, self.MESSAGE, "qcc-calibrate", self.model, "--calib", self.calib, "-o", out
            )
        other = self.path("other.safetensors")
        shutil.copy(self.stats, other)
        self.check_refused(
            74, self.MESSAGE, "qcc-calibrate", "--merge", self.stats, other, "-o", self.stats
        )

    def test_of_qcc_eval(self):
        self.check_refused(
            74, self.MESSAGE, "qcc-eval", self.model, "--tokens", "1,2,3", "--logits", self.weights
        )

    def test_of_qcc_run(self):
        engine = self.engine(MODEL, Recipe("none"))
        run = ("--device", "sim", "--tokens", "1,2", "--max-new", "1", "--logits", engine)
        with open(engine, "rb") as file:
            before = file.read()
        self.refused(self.call("qcc-run", engine, *run), 74, "--logits would overwrite the engine")
        with open(engine, "rb") as file:
            self.assertTrue(before == file.read(), "the engine changed")


class BeforeTheWork(OutputTest):
    def check_early(self, status, message, out):
        """Nothing was solved: not even the first step."""
        flags = ("--quant", "w4a16", "--calib", self.calib)
        self.check_refused(status, message, "qcc", self.model, *flags, "-o", out)
        self.assertFalse(os.path.exists(out + ".work"))

    def test_folders(self):
        os.mkdir(self.path("folder"))
        self.check_early(74, "is a directory", self.path("folder"))
        self.check_early(74, "No such file or directory", self.path("no/x.qengine"))
        self.assertFalse(os.path.exists(self.path("no")))

    def test_one_run_at_a_time(self):
        work = self.path("work")
        os.mkdir(work)
        flags = ("--quant", "w4a16", "--calib", self.calib, "--work-dir", work)
        held = os.open(work, os.O_RDONLY)
        try:
            fcntl.flock(held, fcntl.LOCK_EX)
            self.check_refused(
                74, "another run works in this directory", "qcc", self.model, *flags, "-o", self.path("x")
            )
        finally:
            os.close(held)

    def test_a_plan_solves_nothing(self):
        before = self.contents()
        flags = ("--quant", "w4a16", "--dry-run")
        plain = self.succeed("qcc", self.model, *flags).stdout.splitlines()
        planned = self.succeed("qcc", self.model, *flags, "--calib", self.calib).stdout.splitlines()
        differs = [line for line in planned if line not in plain]
        self.assertEqual([line.split()[0] for line in differs], ["options"])
        self.assertTrue(self.contents() == before, "files changed")


class Messages(OutputTest):
    def test_quiet(self):
        flags = ("--quant", "w4a16", "--calib", self.calib, "-o", self.path("x"))
        loud = self.succeed("qcc", self.model, *flags).stderr
        self.assertRegex(loud, r"(?m)^qcc: \d+ weights solved for")
        self.assertNotIn("unknown", loud)
        self.assertEqual(self.succeed("qcc", self.model, "--quiet", *flags).stderr, "")

    def test_errors_of_passes(self):
        ids = self.path("bad.npy")
        np.save(ids, np.full((4, 4, 64), 1, np.int32))
        result = self.call("qcc", self.model, "--quant", "w4a16", "--calib", ids, "-o", self.path("x"))
        self.refused(result, 65, "qcc: error: ")
        self.assertNotIn("unknown", result.stderr)

    def test_arguments(self):
        for message, arguments in (
            ("argument 2 is empty; is a variable not set?", (self.model, "", "-o", "x")),
            ("--recipe= has no value", (self.model, "--recipe=", "-o", "x")),
            ("--calib is given 2 times", (self.model, "--calib", "a", "--calib", "b", "-o", "x")),
            ("Too many positional arguments", (self.model, self.model, "-o", "x")),
            ("'1e6' value invalid", (self.model, "--calib-tokens", "1e6", "-o", "x")),
        ):
            with self.subTest(message):
                result = self.call("qcc", *arguments)
                self.refused(result, 2, message)
                self.assertNotRegex(result.stderr, r"error: *$")


if __name__ == "__main__":
    harness.main(sys.argv)
