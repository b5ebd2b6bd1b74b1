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
# text, whose error is far smaller than that of the loss itself. docs/quantization.md measures on more.
WINDOWS = 12


def reports_of(report):
    """What qcc-eval --json says of each variant; a single one stands at the top."""
    return report["variants"] if "variants" in report else [report]


class HeldOutLoss(harness.ToolTest):
    # Nats per byte that a recipe may lose against float: about four times what all 95 windows
    # of the text show, plus 0.001 for the sample.
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
        self.assertEqual((report["window"], report["positions"]), (512, WINDOWS * 512))
        return reports_of(report)

    def test_each_recipe_is_close_to_float(self):
        for kv in ("bf16", "fp8"):
            reports = self.losses("--quant", ",".join(QUANTS), "--kv-cache-dtype", kv)
            self.assertEqual([entry["quant"] for entry in reports], list(QUANTS))
            for entry in reports:
                recipe, nll = (entry["quant"], kv), entry["nll"]
                self.assertEqual(entry["kv_cache"], kv)
                with self.subTest(recipe):
                    print(f"{recipe}: {nll['delta']:+.5f} nats per byte against float", flush=True)
                    # A model that writes language: a random byte has 5.5 nats.
                    self.assertLess(nll["float"], 1.35)
                    self.assertAlmostEqual(nll["quantized"] - nll["float"], nll["delta"], 9)
                    self.assertLess(nll["delta"], self.LIMITS[recipe])
                    # Nor is it better than float by more than chance, and it is not float.
                    self.assertGreater(nll["delta"], -0.002)
                    self.assertNotEqual(nll["delta"], 0)

    def test_smaller_groups_lose_less(self):
        coarse, fine = (
            self.losses("--quant", "w4a16", "--group-size", str(group))[0]["kl"]["mean"]
            for group in (128, 32)
        )
        self.assertLess(fine, coarse)


class Divergence(harness.ToolTest):
    """KL to the float model: a sharper measure than the loss, whose differences may cancel."""

    # Mean KL in nats per byte, twice what these windows show: sampling moves it by some 10 %.
    LIMITS = {
        "none": 3e-5,
        "w8a16": 8e-5,
        "w8a8": 4.5e-4,
        "fp8": 1.7e-3,
        "fp8_tensor": 1.9e-3,
        "fp8_block": 1.8e-3,
        "w4a16_asym": 1.1e-2,
        "w4a16": 1.2e-2,
        "w4afp8": 1.3e-2,
        "w3a16": 4.7e-2,
        "w2a16": 3.7e-1,
    }
    # Each is worse than the one before by more than a factor of 1.5.
    ORDER = ("none", "w8a16", "w8a8", "fp8", "w4a16", "w3a16", "w2a16")
    WINDOWS = 6

    def divergences(self, *flags):
        text = self.path("text")
        with open(text, "wb") as file:
            file.write(bytes(harness.heldout(self.WINDOWS * 512)))
        report = json.loads(
            self.succeed("qcc-eval", SMALL, "--text", text, "--json", *flags).stdout
        )
        results = reports_of(report)
        for entry in results:
            print(f"{entry['quant']}: mean KL {entry['kl']['mean']:.2e}", flush=True)
        return [entry["kl"]["mean"] for entry in results]

    def test_presets(self):
        found = dict(zip(self.LIMITS, self.divergences("--quant", ",".join(self.LIMITS))))
        self.assertEqual(len(found), len(self.LIMITS))
        for quant, kl in found.items():
            with self.subTest(quant):
                self.assertLess(kl, self.LIMITS[quant])
        for better, worse in zip(self.ORDER, self.ORDER[1:]):
            self.assertLess(1.5 * found[better], found[worse], f"{better} and {worse}")

    def test_calibration_pays(self):
        """With 8192 tokens only; bench/quality measures methods with all data."""
        (rounded,) = self.divergences("--quant", "w4a16")
        data = ("--calib", harness.CALIB, "--calib-tokens", "8192")
        (solved,) = self.divergences("--quant", "w4a16", "--method", "gptq", *data)
        self.assertLess(solved, 0.6 * rounded)

    def test_finer_keys_and_values_cost_less(self):
        fp8, int8 = (
            self.divergences("--quant", "none", "--kv-cache-dtype", kv)[0] for kv in ("fp8", "int8")
        )
        self.assertLess(int8, 0.5 * fp8)


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
