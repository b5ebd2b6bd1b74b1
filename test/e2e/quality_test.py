"""What quantization costs: held-out loss beside the float model's; a model with outlier channels.

quality_test.py BIN_DIR WORK_DIR
"""

import json
import os
import subprocess
import sys

import harness
import numpy as np
from harness import MODEL_SCRIPTS, SMALL, Recipe

QUANTS = ("none", "fp8", "w4a16")
# Windows of 512 bytes of the held-out text: enough for a difference between two recipes on the same
# text, whose error is far smaller than that of the loss itself. docs/quality.md has all 95 windows.
WINDOWS = 12


class HeldOutLoss(harness.ToolTest):
    # Nats per byte that a recipe may lose against float: about four times what docs/quality.md
    # measures, plus 0.001 for the sample.
    LIMITS = {
        ("none", "bf16"): 0.001,
        ("none", "fp8"): 0.002,
        ("fp8", "bf16"): 0.003,
        ("fp8", "fp8"): 0.005,
        ("w4a16", "bf16"): 0.02,
        ("w4a16", "fp8"): 0.022,
    }

    def losses(self, *flags):
        text = self.path("text")
        with open(text, "w", encoding="latin-1") as file:
            file.write(bytes(harness.heldout(WINDOWS * 512)).decode("latin-1"))
        report = json.loads(
            self.succeed("qcc-eval", SMALL, "--text", text, "--json", *flags).stdout
        )
        self.assertEqual({entry["tokens"] for entry in report["results"]}, {WINDOWS * 511})
        return {
            (entry["quant"], entry["kv_cache"]): entry["nats_per_token"]
            for entry in report["results"]
        }

    def test_each_recipe_is_close_to_float(self):
        for kv in ("bf16", "fp8"):
            losses = self.losses("--quant", ",".join(QUANTS), "--kv-cache-dtype", kv)
            self.assertEqual(list(losses), [("float", "f32")] + [(quant, kv) for quant in QUANTS])
            reference = losses.pop(("float", "f32"))
            # A model that writes language: a random byte has 5.5 nats.
            self.assertLess(reference, 1.35)
            for recipe, loss in losses.items():
                with self.subTest(recipe):
                    print(
                        f"{recipe}: {loss - reference:+.5f} nats per byte against float", flush=True
                    )
                    self.assertLess(loss - reference, self.LIMITS[recipe])
                    # Nor is it better than float by more than chance, and it is not float.
                    self.assertGreater(loss - reference, -0.002)
                    self.assertNotEqual(loss, reference)

    def test_smaller_groups_lose_less(self):
        losses = [
            self.losses("--quant", "w4a16", "--group-size", str(group))["w4a16", "bf16"]
            for group in (128, 32)
        ]
        self.assertLess(losses[1], losses[0])


class Outliers(harness.ToolTest):
    """The small model with a few channels made large: the same function, harder to quantize."""

    def setUp(self):
        super().setUp()
        self.variant = self.path("outliers")
        script = os.path.join(MODEL_SCRIPTS, "make-outlier-variant.py")
        subprocess.run(
            [sys.executable, "-B", script, SMALL, self.variant], check=True, capture_output=True
        )

    def test_float_logits_are_unchanged(self):
        prompt = harness.heldout(64)
        _, plain = self.logits("qcc-eval", SMALL, prompt, 0)
        _, variant = self.logits("qcc-eval", self.variant, prompt, 0)
        # The factors are powers of two: nothing is rounded but f32 activations between ops.
        self.assertLess(np.abs(variant - plain).max(), 1e-5 * np.abs(plain).max())

    def test_engines_agree_with_the_interpreter(self):
        table = harness.tolerances()
        for recipe in (Recipe("fp8"), Recipe("w4a16", "fp8")):
            with self.subTest(str(recipe)):
                self.agree(
                    self.variant,
                    recipe,
                    table["small", recipe.quant, recipe.kv],
                    harness.heldout(64),
                    9,
                )


if __name__ == "__main__":
    harness.main(sys.argv)
