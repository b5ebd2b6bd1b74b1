"""Every preset with every type of K/V, on short prompts: the engine agrees with the interpreter.

agreement_test.py has the long ones. Also what changes a format without being a preset: groups,
channels, 2:4, a quantized lm_head and embedding, static activations; and weights from calibration.

    formats_test.py BIN_DIR WORK_DIR
"""

import sys

import harness
from harness import SMALL, Recipe

GENERATED = 3
PRESETS = (
    "none",
    "fp8",
    "fp8_tensor",
    "fp8_block",
    "w8a16",
    "w4a16",
    "w4a16_asym",
    "w8a8",
    "w4afp8",
)
CALIB_TOKENS = 4096


class FormatTest(harness.ToolTest):
    def check(self, *recipes, lengths=(1, 19)):
        table = harness.tolerances()
        for recipe in recipes:
            tolerance = table["small", recipe.format(), recipe.kv]
            for length in lengths:
                with self.subTest(recipe=str(recipe), prompt=length):
                    self.agree(SMALL, recipe, tolerance, harness.heldout(length), GENERATED)


class Presets(FormatTest):
    def test_cache_bf16(self):
        self.check(*(Recipe(quant) for quant in PRESETS))

    def test_cache_fp8(self):
        self.check(*(Recipe(quant, "fp8") for quant in PRESETS))

    def test_cache_int8(self):
        self.check(*(Recipe(quant, "int8") for quant in PRESETS))

    def test_a_cache_of_several_pages(self):
        """A page has 64 tokens; prompts of other lengths fill theirs in part."""
        self.check(Recipe("none", "int8"), Recipe("w8a8", "int8"), lengths=(63, 130))


class Variants(FormatTest):
    def test_groups(self):
        for group in (32, "channel"):
            for quant in ("w8a16", "w4a16", "w4a16_asym"):
                self.check(Recipe(quant, group=group))
        self.check(Recipe("w4afp8", group=32), Recipe("w8a16", group=128))

    def test_sparse(self):
        self.check(*(Recipe(quant, sparse=True) for quant in ("none", "fp8", "w8a8")))

    def test_lm_head(self):
        for quant in PRESETS[1:]:
            self.check(Recipe(quant, more=("--quantize-lm-head",)), lengths=(19,))

    def test_embeddings(self):
        for quant in ("fp8", "w8a8", "w4a16"):
            self.check(Recipe(quant, more=("--quantize-embeddings",)))


class Calibrated(FormatTest):
    def calibrated(self, quant, *more, **options):
        return Recipe(quant, more=more, calib_tokens=CALIB_TOKENS, **options)

    def test_gptq(self):
        self.check(self.calibrated("w4a16", "--method", "gptq"))

    def test_smoothquant_and_gptq(self):
        self.check(self.calibrated("w8a8", "--method", "smoothquant+gptq"))

    def test_static_activations(self):
        self.check(
            self.calibrated("fp8_tensor", "--method", "rtn"),
            self.calibrated("w8a8", "--method", "rtn", static=True),
            self.calibrated("fp8", "--method", "rtn", static=True),
        )

    def test_scales_of_keys_and_values(self):
        self.check(
            self.calibrated("none", kv="fp8"),
            self.calibrated("w8a8", "--method", "rtn", "--kv-scales", "tensor", kv="fp8"),
        )

    def test_sparse_refit(self):
        self.check(self.calibrated("fp8", "--prune", "refit", sparse=True))


if __name__ == "__main__":
    harness.main(sys.argv)
