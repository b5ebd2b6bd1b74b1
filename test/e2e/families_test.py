"""Every family's fixture, compiled, agrees with the interpreter through the simulator.

The interpreter's own agreement with the fixtures' logits is Interpreter/fixtures_test.py.

    families_test.py BIN_DIR WORK_DIR
"""

import os
import sys

import harness
import numpy as np
from harness import FIXTURES, Recipe

# The fixtures' prompts are longer than their windows and original contexts.
GENERATED = 17
RECIPES = (Recipe("none"), Recipe("fp8", "fp8"), Recipe("w4a16"))


class Fixtures(harness.ToolTest):
    def test_every_fixture_with_every_scheme(self):
        names = sorted(entry.name for entry in os.scandir(FIXTURES) if entry.is_dir())
        self.assertGreaterEqual(len(names), 13)
        table = harness.tolerances()
        for name in names:
            model = os.path.join(FIXTURES, name)
            prompt = np.load(os.path.join(model, "tokens.npy")).tolist()
            for recipe in RECIPES:
                with self.subTest(name, recipe=str(recipe)):
                    self.agree(
                        model, recipe, table["fixtures", recipe.quant, recipe.kv], prompt, GENERATED
                    )

    def test_unquantized_engines_compute_the_reference_logits(self):
        """Against transformers, with no interpreter in between: only bf16 rounding may show."""
        for name in (
            "llama3",
            "mistral-window",
            "qwen2-window",
            "qwen3-v5-tied",
            "llama-bias-sharded",
        ):
            with self.subTest(name):
                model = os.path.join(FIXTURES, name)
                expected = np.load(os.path.join(model, "logits.npy")).astype(np.float64)
                prompt = np.load(os.path.join(model, "tokens.npy")).tolist()
                _, rows = self.simulated(model, Recipe("none"), prompt, 0)
                rms = float(np.sqrt(np.mean((rows - expected) ** 2) / np.mean(expected**2)))
                print(
                    f"{name}: rms error {rms:.1e} against the reference implementation", flush=True
                )
                self.assertLess(rms, 4e-2)


if __name__ == "__main__":
    harness.main(sys.argv)
