"""The small model's engine on the simulator agrees with the interpreter on the same quantized IR.

For every recipe, prompts of 1, 7, 64 and 300 tokens of the held-out text and 65 generated tokens
(64 of them fed back): logits within the tolerance table, greedy choices equal but for near-ties.

    agreement_test.py BIN_DIR WORK_DIR
"""

import sys

import harness
import numpy as np
from harness import SMALL, Recipe

GENERATED = 65
BF16 = Recipe("none")


class Agreement(harness.ToolTest):
    def check(self, recipe, lengths=(1, 7, 64, 300)):
        tolerance = harness.tolerances()["small", recipe.quant, recipe.kv]
        for length in lengths:
            with self.subTest(recipe=str(recipe), prompt=length):
                self.agree(SMALL, recipe, tolerance, harness.heldout(length), GENERATED)

    def test_bf16(self):
        self.check(BF16)

    def test_bf16_with_fp8_cache(self):
        self.check(Recipe("none", "fp8"))

    def test_fp8(self):
        self.check(Recipe("fp8"))

    def test_fp8_with_fp8_cache(self):
        self.check(Recipe("fp8", "fp8"))

    def test_w4a16(self):
        self.check(Recipe("w4a16"))

    def test_w4a16_with_fp8_cache(self):
        self.check(Recipe("w4a16", "fp8"))

    def test_w4a16_in_small_groups(self):
        self.check(Recipe("w4a16", group=32), lengths=(7, 64))


class Tolerances(harness.ToolTest):
    """The limits would notice an engine of another recipe: they are not merely wide."""

    def test_other_recipes_are_beyond_the_limits(self):
        prompt = harness.heldout(64)
        table = harness.tolerances()
        for actual, expected in (
            (BF16, Recipe("none", "fp8")),
            (Recipe("fp8"), BF16),
            (Recipe("w4a16"), BF16),
            (Recipe("w4a16", group=32), Recipe("w4a16")),
            (Recipe("w4a16"), Recipe("fp8")),
            (Recipe("w4a16_asym"), Recipe("w4a16")),
            (Recipe("w8a16"), BF16),
            (Recipe("w8a8"), Recipe("w8a16")),
            (Recipe("fp8_block"), Recipe("fp8")),
            (Recipe("fp8_tensor"), Recipe("fp8")),
            (Recipe("none", "int8"), BF16),
        ):
            with self.subTest(actual=str(actual), expected=str(expected)):
                limit = table["small", expected.format(), expected.kv]
                _, rows = self.simulated(SMALL, actual, prompt, 0)
                _, reference = self.interpreted(SMALL, expected, prompt, 0)
                scale = np.abs(reference).max()
                error = np.abs(rows - reference) / scale
                beyond = {
                    "first row": error[0].max() > limit.first_row,
                    "anywhere": error.max() > limit.max_error,
                }
                # A first token attends to itself alone: only weights and cache format show.
                self.assertIn(True, beyond.values(), beyond)


class SimulatorModes(harness.ToolTest):
    """The simulator's checks pass, and what it may choose does not change the result."""

    def test_all_checks_and_both_times_of_asynchronous_copies(self):
        prompt = harness.heldout(20)
        for recipe in (Recipe("fp8", "fp8"), Recipe("w4a16")):
            results = [
                self.simulated(SMALL, recipe, prompt, 3, simulator=options)
                for options in (
                    "races=off",
                    "races=on,uninitialised=on,async=late",
                    "races=on,async=early,seed=7",
                    "races=off,threads=1",
                )
            ]
            for tokens, rows in results[1:]:
                self.assertEqual(tokens, results[0][0])
                np.testing.assert_array_equal(rows, results[0][1])


class Batches(harness.ToolTest):
    def test_answers_do_not_depend_on_how_prompts_run(self):
        """Together or alone, whole or in pieces; these continuations have no near-ties."""
        prompts = [harness.heldout(count, begin) for begin, count in ((0, 7), (200, 90), (500, 33))]
        engine = self.engine(SMALL, BF16)
        common = ("--device", "sim", "--quiet", "--ignore-eos", "--max-new", 8)
        alone = [
            self.succeed("qcc-run", engine, "--tokens", harness.listed(p), *common).stdout
            for p in prompts
        ]
        several = [flag for p in prompts for flag in ("--tokens", harness.listed(p))]
        self.assertEqual(self.succeed("qcc-run", engine, *several, *common).stdout, "".join(alone))
        pieces = self.succeed("qcc-run", engine, *several, *common, "--step-tokens", 13).stdout
        self.assertEqual(pieces, "".join(alone))


class Quickstart(harness.ToolTest):
    def test_text_is_continued(self):
        """As in the README: text in, the same text out that the interpreter's tokens spell."""
        prompt = "In the beginning"
        result = self.succeed(
            "qcc-run",
            self.engine(SMALL, Recipe("fp8")),
            "--device",
            "sim",
            "--text",
            prompt,
            "--max-new",
            16,
        )
        tokens, rows = self.interpreted(SMALL, Recipe("fp8"), list(prompt.encode()), 16)
        self.assertEqual(result.stdout, bytes(tokens).decode() + "\n")


if __name__ == "__main__":
    harness.main(sys.argv)
