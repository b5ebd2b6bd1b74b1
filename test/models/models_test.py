"""Tests of the test models themselves and of the scripts that derive from them. Needs numpy."""

import os
import re
import subprocess
import sys
import tempfile
import unittest

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.path.join(HERE, "..", "..", "tools", "dev", "models")
SMALL = os.path.join(HERE, "small")
sys.path.insert(0, SCRIPTS)

import checkpoint_io  # noqa: E402
from numpy_model import NumpyModel  # noqa: E402


def run(script, *arguments):
    result = subprocess.run([sys.executable, "-B", os.path.join(SCRIPTS, script), *arguments],
                            capture_output=True, text=True, check=False)
    if result.returncode:
        raise AssertionError(f"{script} failed:\n{result.stdout}{result.stderr}")
    return result.stdout


class Fixtures(unittest.TestCase):
    def test_logits_agree_with_an_independent_model(self):
        run("check-fixtures.py", os.path.join(HERE, "fixtures"))


class Small(unittest.TestCase):
    def test_held_out_loss_is_the_one_stated(self):
        with open(os.path.join(SMALL, "README.md")) as file:
            stated = float(re.search(r"held-out loss ([0-9.]+) nats/byte", file.read()).group(1))
        output = run("heldout-loss.py", SMALL)
        computed = float(re.search(r"held-out loss ([0-9.]+)", output).group(1))
        self.assertAlmostEqual(computed, stated, delta=2e-4)
        self.assertLess(computed, 1.35)


class Outliers(unittest.TestCase):
    def test_same_function_with_large_channels(self):
        tokens = np.frombuffer(b"And it came to pass in those days", dtype=np.uint8)
        with tempfile.TemporaryDirectory() as folder:
            run("make-outlier-variant.py", SMALL, folder)
            plain, variant = NumpyModel(SMALL, np.float64), NumpyModel(folder, np.float64)
        expected, actual = plain.logits(tokens), variant.logits(tokens)
        self.assertLess(np.abs(actual - expected).max(), 1e-10 * np.abs(expected).max())
        name = "model.layers.2.input_layernorm.weight"
        ratio = variant.weights[name] / plain.weights[name]
        self.assertEqual(sorted(set(ratio)), [1, 16, 32, 64])


class Checkpoints(unittest.TestCase):
    def test_bf16_rounds_to_nearest_even(self):
        # One bf16 step at 1 is 2^-7; halves of it go to the even neighbour.
        values = np.array([1 + 2**-8, 1 + 3 * 2**-8, 1 + 2**-8 + 2**-20, -1 - 2**-8], np.float32)
        rounded = checkpoint_io.f32_from_bf16(checkpoint_io.bf16_from_f32(values))
        self.assertEqual(list(rounded), [1, 1 + 2**-6, 1 + 2**-7, -1])

    def test_bf16_refuses_nan(self):
        with self.assertRaises(ValueError):
            checkpoint_io.bf16_from_f32(np.array([np.nan], np.float32))


if __name__ == "__main__":
    unittest.main()
