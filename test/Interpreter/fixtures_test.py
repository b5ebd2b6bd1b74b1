"""Logits of every fixture equal those of transformers (relative 1e-4), in f32 and in f64.

    fixtures_test.py QCC_EVAL
"""

import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

FIXTURES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models", "fixtures")


class Fixtures(unittest.TestCase):
    tool = None

    def logits(self, model, *arguments):
        with tempfile.TemporaryDirectory() as folder:
            out = os.path.join(folder, "logits.npy")
            result = subprocess.run([self.tool, model, "--tokens", os.path.join(model, "tokens.npy"),
                                     "--logits", out, *arguments], capture_output=True, text=True,
                                    check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            return np.load(out)

    def test_logits_are_those_of_the_reference_implementation(self):
        names = sorted(entry.name for entry in os.scandir(FIXTURES) if entry.is_dir())
        self.assertGreaterEqual(len(names), 13)
        for name in names:
            model = os.path.join(FIXTURES, name)
            expected = np.load(os.path.join(model, "logits.npy"))
            for precision in ([], ["--f64"]):
                with self.subTest(name, precision=precision):
                    actual = self.logits(model, *precision)
                    self.assertEqual(actual.shape, expected.shape)
                    error = np.abs(actual - expected).max() / np.abs(expected).max()
                    self.assertLess(error, 1e-4)

    def test_quantized_weights_move_the_logits_and_bf16_least(self):
        model = os.path.join(FIXTURES, "qwen3")
        expected = np.load(os.path.join(model, "logits.npy"))
        errors = [np.abs(self.logits(model, "--quant", quant) - expected).max() / np.abs(expected).max()
                  for quant in ("float", "none", "fp8", "w4a16")]
        self.assertEqual(errors, sorted(errors))
        self.assertGreater(errors[1], 1e-4, "bf16 rounding must show")
        self.assertLess(errors[3], 1)


if __name__ == "__main__":
    Fixtures.tool = sys.argv.pop(1)
    unittest.main()
