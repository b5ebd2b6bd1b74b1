"""Tests of compare_logits: measures against values worked out by hand, and each way to fail."""

import contextlib
import io
import math
import os
import tempfile
import unittest

import numpy as np

import compare_logits


def run(reference, actual, *options):
    """(exit status, error text) of the tool over two arrays."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [os.path.join(folder, name) for name in ("reference.npy", "actual.npy")]
        for path, array in zip(paths, (reference, actual)):
            np.save(path, array)
        errors = io.StringIO()
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(errors):
            status = compare_logits.main([*paths, *options])
        return status, errors.getvalue()


def rows(*values):
    return np.array(values, dtype=np.float32)


class Measures(unittest.TestCase):
    def test_errors_by_hand(self):
        result = compare_logits.compare(rows([3.0, -4.0]), rows([3.0, -3.0]))
        self.assertAlmostEqual(result["max_error"], 1 / 4)
        self.assertAlmostEqual(result["rms_error"], 1 / 5)  # sqrt((0 + 1) / (9 + 16))

    def test_kl_by_hand(self):
        # softmax of [0, ln 3] is [1/4, 3/4]; of [0, 0] it is [1/2, 1/2].
        result = compare_logits.compare(rows([0.0, math.log(3)]), rows([0.0, 0.0]))
        self.assertAlmostEqual(result["kl"], 0.25 * math.log(0.5) + 0.75 * math.log(1.5), places=6)

    def test_kl_ignores_a_shift(self):
        result = compare_logits.compare(rows([1.0, 2.0]), rows([101.0, 102.0]))
        self.assertAlmostEqual(result["kl"], 0)

    def test_first_of_equals_is_the_choice(self):
        result = compare_logits.compare(rows([1.0, 2.0, 2.0]), rows([1.0, 2.0, 1.9]))
        self.assertEqual(result["greedy_equal"], 1)


class Limits(unittest.TestCase):
    reference, actual = rows([3.0, -4.0]), rows([3.0, -3.0])

    def test_at_and_beyond_each_limit(self):
        for option, value in (("--max-error", 0.25), ("--rms-error", 0.2)):
            self.assertEqual(run(self.reference, self.actual, option, str(value * 1.001))[0], 0)
            status, errors = run(self.reference, self.actual, option, str(value * 0.999))
            self.assertEqual(status, 1)
            self.assertIn("exceeds the limit", errors)

    def test_first_row_alone(self):
        """Half of the largest logit, 8, in row 0; the later row is exact, and the other way round."""
        reference, exact = rows([0.0, 2.0], [8.0, 0.0]), rows([0.0, 2.0], [8.0, 0.0])
        first, later = rows([0.0, 6.0], [8.0, 0.0]), rows([0.0, 2.0], [4.0, 0.0])
        self.assertEqual(compare_logits.compare(reference, first)["first_row"], 0.5)
        self.assertEqual(compare_logits.compare(reference, later)["first_row"], 0)
        self.assertEqual(run(reference, first, "--first-row", "0.51")[0], 0)
        status, errors = run(reference, first, "--first-row", "0.49")
        self.assertEqual(status, 1)
        self.assertIn("first_row 5.000e-01 exceeds the limit", errors)
        for actual in (exact, later):
            self.assertEqual(run(reference, actual, "--first-row", "0")[0], 0)

    def test_kl_limit(self):
        reference, actual = rows([0.0, 5.0]), rows([5.0, 0.0])
        self.assertEqual(run(reference, actual, "--kl", "1")[0], 1)
        self.assertEqual(run(reference, reference, "--kl", "0")[0], 0)


class NearTies(unittest.TestCase):
    # The two best are 0.1 apart in the reference, whose largest logit is 10.
    reference, actual = rows([10.0, 9.9, 0.0]), rows([9.94, 9.96, 0.06])

    def test_tie_error_bounds_the_gap(self):
        self.assertEqual(run(self.reference, self.actual, "--greedy", "--tie-error", "0.0101")[0], 0)
        status, errors = run(self.reference, self.actual, "--greedy", "--tie-error", "0.0099")
        self.assertEqual(status, 1)
        self.assertIn("rows 0", errors)

    def test_a_swap_counts_as_different_by_default(self):
        result = compare_logits.compare(self.reference, self.actual)
        self.assertEqual((result["near_ties"], result["greedy_different"]), (0, [0]))
        self.assertEqual(run(self.reference, self.actual)[0], 0)
        self.assertEqual(run(self.reference, self.actual, "--greedy")[0], 1)

    def test_an_exact_tie_is_a_near_tie(self):
        self.assertEqual(run(rows([2.0, 2.0]), rows([1.9, 2.0]), "--greedy")[0], 0)

    def test_rows_behind_a_differing_choice_are_left_out(self):
        reference, actual = rows([1, 0], [10, 9.9], [0, 50]), rows([1, 0], [9.9, 10], [50, 0])
        self.assertEqual(compare_logits.compare(reference, actual, generated_from=0)["rows"], 2)
        # The prompt's rows have the same inputs on both sides, whatever their choices are.
        self.assertEqual(compare_logits.compare(reference, actual, generated_from=2)["rows"], 3)


class NotComparable(unittest.TestCase):
    def check(self, reference, actual, message):
        status, errors = run(reference, actual)
        self.assertEqual(status, 1)
        self.assertIn(message, errors)

    def test_shapes(self):
        self.check(rows([1, 2]), rows([1, 2], [1, 2]), "shapes differ")

    def test_nan(self):
        self.check(rows([1, 2]), rows([1, math.nan]), "not finite at row 0, token 1")

    def test_infinity_in_the_reference(self):
        self.check(rows([math.inf, 2]), rows([1, 2]), "not finite at row 0, token 0")

    def test_integers(self):
        self.check(np.ones((1, 2), np.int32), rows([1, 2]), "must hold floating-point")

    def test_empty(self):
        self.check(np.ones((0, 2), np.float32), np.ones((0, 2), np.float32), "must hold")

    def test_zero_reference(self):
        self.check(rows([0, 0]), rows([0, 0]), "all zero")


if __name__ == "__main__":
    unittest.main()
