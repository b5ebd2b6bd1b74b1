"""qcc refuses every model directory of the must-reject corpus: with the expected message, by an exit
status and not a signal, and leaving nothing at the output's path.

    bad_checkpoints_test.py QCC
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

SCRIPT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "tools", "dev",
                      "models", "make-bad-checkpoints.py")
# Reading a directory and building its graph; the second also reads the weights.
IMPORT = ["--quant", "none", "--compile-to=import"]
COMPILE = ["--quant", "fp8"]


class BadCheckpoints(unittest.TestCase):
    qcc = None

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        cls.corpus = os.path.join(cls.folder.name, "corpus")
        subprocess.run([sys.executable, "-B", SCRIPT, cls.corpus], check=True, capture_output=True)

    def compile(self, case, arguments):
        """(exit status, standard error, whether there is an output)."""
        out = os.path.join(self.folder.name, case + ".out")
        result = subprocess.run([self.qcc, os.path.join(self.corpus, case), "--target", "sm_90",
                                 *arguments, "-o", out], capture_output=True, check=False)
        return result.returncode, result.stderr.decode("utf-8", "replace"), os.path.exists(out)

    def check_refused(self, list_name, arguments):
        with open(os.path.join(self.corpus, list_name)) as file:
            cases = json.load(file)
        self.assertTrue(cases)
        for case, message in cases.items():
            with self.subTest(case):
                status, errors, written = self.compile(case, arguments)
                self.assertGreater(status, 0, errors)
                self.assertIn(message, errors)
                self.assertFalse(written, "the output exists after an error")

    def test_sound_model_is_accepted(self):
        status, errors, written = self.compile("sound", IMPORT)
        self.assertEqual((status, written), (0, True), errors)

    def test_damaged_directories(self):
        self.check_refused("cases.json", IMPORT)

    def test_weights_that_are_not_finite(self):
        self.check_refused("value-cases.json", COMPILE)


if __name__ == "__main__":
    BadCheckpoints.qcc = sys.argv.pop(1)
    unittest.main()
