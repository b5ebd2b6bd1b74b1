#!/usr/bin/env python3
"""Tests of what this benchmark computes itself, each against another way to the same number.

Runs in the references' environment (run.sh runs it before the measurements): references_test.py
"""

import os
import sys
import unittest

import numpy as np
import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "references"))
import autoround_runs  # noqa: E402
import forward  # noqa: E402
import kl  # noqa: E402
import make_calibration  # noqa: E402
import sparsegpt  # noqa: E402
import wanda  # noqa: E402


def problem(rows, columns, seed=1):
    """Weights and the second moments of correlated inputs, f64."""
    random = torch.Generator().manual_seed(seed)
    mixing = torch.randn(columns, columns, generator=random, dtype=torch.float64)
    x = torch.randn(4 * columns, columns, generator=random, dtype=torch.float64) @ mixing
    return torch.randn(rows, columns, generator=random, dtype=torch.float64), x.T @ x / len(x)


def surgeon(weight, moment):
    """2:4 by the optimal brain surgeon's formula, the inverse of what is left computed anew at every column."""
    weight, columns = weight.clone(), weight.shape[1]
    damped = moment + sparsegpt.DAMPING * moment.diagonal().mean() * torch.eye(columns, dtype=torch.float64)
    for row in weight:
        for j in range(columns):
            if j % 4 == 0:
                left = [torch.linalg.inv(damped[k:, k:])[0, 0] for k in range(j, j + 4)]
                chosen = torch.tensor([row[j + k] ** 2 / left[k] for k in range(4)]).argsort()[:2] + j
            if j in chosen:
                inverse = torch.linalg.inv(damped[j:, j:])
                row[j:] -= row[j].clone() / inverse[0, 0] * inverse[0]
                row[j] = 0
    return weight


class Pruning(unittest.TestCase):
    def test_sparsegpt_is_the_surgeon(self):
        weight, moment = problem(6, 24)
        expected = surgeon(weight, moment)
        for block in (8, 128):
            sparsegpt.BLOCK = block
            actual = sparsegpt.prune(weight.clone(), moment.clone())
            self.assertLess((actual - expected).abs().max().item(), 1e-9)
            self.assertTrue(((actual == 0) == (expected == 0)).all())

    def test_wanda_keeps_the_two_largest_scores(self):
        weight, moment = problem(3, 8)
        actual = wanda.prune(weight.clone(), moment)
        for row in range(3):
            for group in range(0, 8, 4):
                scores = [abs(weight[row, j]) * moment[j, j] ** 0.5 for j in range(group, group + 4)]
                for rank, j in enumerate(np.argsort(scores)):
                    self.assertEqual(actual[row, group + j], 0 if rank < 2 else weight[row, group + j])


class Evaluation(unittest.TestCase):
    def test_divergence_of_known_distributions(self):
        p, q = np.array([0.5, 0.25, 0.25]), np.array([0.25, 0.25, 0.5])
        parts = kl.per_token(np.log(p)[None, None].repeat(2, 1).astype(np.float32),
                             np.log(q)[None, None].repeat(2, 1).astype(np.float32) + 3, np.array([[0, 2]]))
        np.testing.assert_allclose(parts["kl"], 0.25 * np.log(2), rtol=1e-6)
        np.testing.assert_allclose(parts["nll_float"], np.log(4), rtol=1e-6)
        np.testing.assert_allclose(parts["nll_quantized"], np.log(2), rtol=1e-6)
        self.assertFalse(parts["same_top1"].any())

    def test_activation_quantizers_hit_their_codes(self):
        x = torch.tensor([[127.5, 1.49, -0.51, 0.0], [0.0, 0.0, 0.0, 0.0]])
        self.assertEqual(forward.int8_token(x).tolist(), [[127.0, 1.0, -1.0, 0.0], [0.0] * 4])
        # Around 1 the step of e4m3 is 1/8; a tie goes to the even code.
        x = torch.tensor([[448.0, 1.07, 1.0625, 1.1875]])
        self.assertEqual(forward.fp8_token(x).tolist(), [[448.0, 1.125, 1.0, 1.25]])


class Files(unittest.TestCase):
    def test_words_unpack_to_their_codes(self):
        codes = torch.arange(16).repeat(2)[:, None].repeat(1, 3)
        words = sum(codes[i::8].long() << (4 * i) for i in range(8))
        words = torch.where(words >= 2 ** 31, words - 2 ** 32, words).int()
        self.assertTrue((autoround_runs.unpacked(words, 0) == codes).all())

    def test_calibration_is_not_held_out_text(self):
        held_out = os.path.join(make_calibration.ROOT, "test", "models", "small", "heldout.txt")
        with open(held_out, "rb") as file:
            text = file.read()
        for seed in make_calibration.SEEDS:
            for window in make_calibration.windows_of(make_calibration.text_of(seed), make_calibration.SEQUENCES):
                self.assertNotIn(window[:64].astype(np.uint8).tobytes(), text)


if __name__ == "__main__":
    unittest.main()
