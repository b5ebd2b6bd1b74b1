"""Recipes of llm-compressor as they are, and the recipe that an engine carries.

recipe_test.py BIN_DIR WORK_DIR
"""

import glob
import json
import os
import sys

import harness
import numpy as np
from harness import FIXTURES, SMALL

CALIB = ["--calib", os.path.join(SMALL, "calib.txt"), "--calib-tokens", "4096"]
W8A8 = (
    "{targets: [Linear], weights: {num_bits: 8, type: int, strategy: channel},"
    " input_activations: {num_bits: 8, type: int, strategy: %s}}"
)
# A recipe of each modifier, as llm-compressor's examples combine them.
RECIPES = {
    "smoothquant-gptq": "SmoothQuantModifier: {smoothing_strength: 0.8}\n"
    "    GPTQModifier: {ignore: [lm_head], config_groups: {g: %s}}"
    % (W8A8 % "token, dynamic: true"),
    "awq": "AWQModifier: {scheme: W4A16_ASYM, ignore: [lm_head]}",
    "gptq": "GPTQModifier: {scheme: W4A16, ignore: [lm_head], actorder: static, dampening_frac: 0.01}",
    "quantization": "QuantizationModifier: {ignore: [lm_head, 're:.*down_proj'], scheme: FP8, "
    "kv_cache_scheme: {num_bits: 8, type: float, strategy: tensor, dynamic: false}}",
    "sparsegpt": "SparseGPTModifier: {sparsity: 0.5, mask_structure: '2:4', "
    "targets: ['re:model.layers.\\d*$']}\n"
    "    QuantizationModifier: {scheme: FP8_DYNAMIC, ignore: [lm_head]}",
    "wanda": "WandaPruningModifier: {sparsity: 0.5, mask_structure: '2:4', ignore: [lm_head]}",
}


def stage(modifiers):
    return f"quant_stage:\n  quant_modifiers:\n    {modifiers}\n"


class RecipeTest(harness.ToolTest):
    def recipe(self, text, name="recipe.yaml"):
        path = self.path(name)
        with open(path, "w") as file:
            file.write(text)
        return path

    def compile(self, name, *flags, model=SMALL):
        """Path of the engine."""
        out = self.path(name + ".qengine")
        self.succeed("qcc", model, "--quiet", "--target", "sm_90", *flags, "-o", out)
        self.assertFalse(os.path.exists(out + ".work"))
        return out

    def solved(self, name, modifiers, layer):
        """The stored numbers of the step that begins with a layer."""
        work = self.path(name)
        recipe = self.recipe(stage(modifiers), name + ".yaml")
        flags = ["--recipe", recipe, *CALIB, "--compile-to=quantize", "--work-dir", work]
        self.succeed("qcc", SMALL, "--quiet", *flags, "-o", self.path(name + ".mlir"))
        files = glob.glob(os.path.join(work, "quantized", f"*{layer}*.safetensors"))
        self.assertEqual(len(files), 1, os.listdir(os.path.join(work, "quantized")))
        with open(files[0], "rb") as file:
            size = int.from_bytes(file.read(8), "little")  # of the header, which has the step's key
            file.seek(size, os.SEEK_CUR)
            return file.read()

    def carried(self, engine):
        return self.succeed("qcc-inspect", engine, "--recipe").stdout


class EachModifier(RecipeTest):
    def test_compiles_and_runs(self):
        for name, modifiers in RECIPES.items():
            with self.subTest(name):
                path = self.recipe(stage(modifiers))
                engine = self.compile(name, "--recipe", path, *CALIB)
                tokens, rows = self.logits(
                    "qcc-run", engine, harness.heldout(8), 2, "--quiet", "--device", "sim"
                )
                self.assertEqual(rows.shape, (9, 256))
                self.assertTrue((abs(rows) < 100).all(), f"{name}: {rows}")
                # What the engine says of itself is a recipe of the same modifiers.
                carried = self.carried(engine)
                for line in modifiers.split("\n"):
                    self.assertIn(line.strip().split(":")[0] + ":", carried)
                self.assertIn("calibration: calib.txt\n", carried)
                report = json.loads(self.succeed("qcc-inspect", engine, "--json").stdout)
                self.assertEqual(report["recipe"], carried)


class CarriedRecipe(RecipeTest):
    """An engine's recipe with the same data gives the same engine, and nothing is searched.

    On a fixture: its weights are random, but every search runs, and in a second.
    """

    MODEL, BLOCKS = os.path.join(FIXTURES, "llama2"), 2
    CASES = {
        "gptq": ["--quant", "w4a16"],
        "awq": ["--quant", "w4a16", "--method", "awq", "--kv-cache-dtype", "int8"],
        "smoothquant": ["--quant", "w8a8", "--method", "smoothquant+gptq"],
        "static": ["--quant", "fp8_tensor", "--sparsity", "2:4", "--kv-cache-dtype", "fp8"],
        "rtn": ["--quant", "w4a16", "--group-size", "64", "--quantize-embeddings"],
        "given": ["--quant", "fp8_tensor", "--method", "rtn", "--kv-cache-dtype", "fp8"],
        "ones": ["--quant", "none", "--kv-cache-dtype", "fp8"],
    }

    def setUp(self):
        super().setUp()
        self.data = ["--calib", self.path("calib.jsonl"), "--calib-tokens", "384"]
        with open(self.data[1], "w") as file:
            for i in range(16):
                ids = [(7 * i + j * j + i * j) % 131 for j in range(32)]
                file.write(json.dumps({"input_ids": ids}) + "\n")

    def same(self, first, second):
        with open(first, "rb") as a, open(second, "rb") as b:
            self.assertTrue(a.read() == b.read(), f"{first} and {second} differ")

    def test_gives_the_same_engine(self):
        for name, flags in self.CASES.items():
            with self.subTest(name):
                data = [] if name in ("rtn", "ones") else self.data
                first = self.compile(name, *flags, *data, model=self.MODEL)
                recipe = self.recipe(self.carried(first), name + ".yaml")
                # How much of the data is used is a part of the recipe.
                second = self.compile(
                    name + "2", "--recipe", recipe, *data[:2], model=self.MODEL
                )
                self.same(first, second)

    def test_values_are_taken_and_not_searched(self):
        flags = ["--quant", "w4a16", "--method", "awq+gptq"]
        first = self.compile("first", *flags, *self.data, model=self.MODEL)
        carried = self.carried(first)
        layers = carried[carried.index("  layers:\n") :].splitlines()[1:]
        damped = [line for line in layers if "damping" in line]
        scaled = [line for line in layers if "awq: " in line]
        self.assertEqual(len(damped), 7 * self.BLOCKS)
        self.assertEqual(len(scaled), 4 * self.BLOCKS, layers)
        # Another value in the file is another engine that carries that value.
        changed = [line.replace("damping: 0.05", "damping: 0.25") for line in layers]
        changed = [line.replace("damping: 0.01", "damping: 0.25") for line in changed]
        self.assertNotEqual(changed, layers)
        edited = carried[: carried.index("  layers:\n")] + "  layers:\n" + "\n".join(changed) + "\n"
        recipe = self.recipe(edited)
        second = self.compile("second", "--recipe", recipe, *self.data[:2], model=self.MODEL)
        self.assertEqual(self.carried(second), edited)

    def test_going_on_from_the_quantize_phase_keeps_it(self):
        ir, out = self.path("q.mlir"), self.path("late.qengine")
        flags = ["--quant", "fp8", "--target", "sm_90", "--quiet"]
        self.succeed("qcc", self.MODEL, *flags, "--compile-to=quantize", "-o", ir)
        self.succeed("qcc", "--compile-from=quantize", ir, "--quiet", "-o", out)
        self.assertIn("QuantizationModifier:\n", self.carried(out))
        self.same(out, self.compile("whole", "--quant", "fp8", model=self.MODEL))

    def test_other_data_is_said(self):
        first = self.compile("first", "--quant", "w4a16", *self.data, model=self.MODEL)
        other = self.path("other.jsonl")
        with open(self.data[1]) as lines, open(other, "w") as file:
            file.writelines(lines.readlines()[1:])
        recipe = self.recipe(self.carried(first))
        result = self.succeed(
            "qcc", self.MODEL, "--recipe", recipe, "--calib", other, "--compile-to=quantize",
            "-o", self.path("q.mlir"), "--work-dir", self.path("work"),
        )  # fmt: skip
        self.assertIn("is not the calibration file that", result.stderr)

    def test_an_engine_without_one_says_so(self):
        ir, out = self.path("s.mlir"), self.path("s.qengine")
        self.succeed("qcc", self.MODEL, "--compile-to=schedule", "-o", ir)
        with open(ir) as file:
            text = file.read()
        begin = text.index("qcc.recipe = ")
        end = text.index('"', text.index('"', begin) + 1) + 1
        while text[end - 2] == "\\":
            end = text.index('"', end) + 1
        with open(ir, "w") as file:
            file.write(text[:begin] + "qcc.nothing" + text[end:])
        self.succeed("qcc", "--compile-from=schedule", ir, "--quiet", "-o", out)
        self.refused(self.call("qcc-inspect", out, "--recipe"), 65, "holds no recipe")


class MixedSchemes(RecipeTest):
    """Linears that share an input and read it as different codes."""

    GATE_UP = "QuantizationModifier: {scheme: {%s: ['re:.*gate_proj'], %s: ['re:.*up_proj']}}"

    def test_engine_agrees_with_the_interpreter(self):
        # Fewer layers are quantized than in the table's row, so its limits hold.
        limits = harness.tolerances()["small", "fp8", "bf16"]
        for gate, up in (("W8A8", "FP8_DYNAMIC"), ("FP8_DYNAMIC", "W4A16")):
            with self.subTest(gate=gate, up=up):
                recipe = self.recipe(stage(self.GATE_UP % (gate, up)))
                engine = self.compile("mixed", "--recipe", recipe)
                prompt = harness.heldout(19)
                flags = ["--recipe", recipe, "--f64"]
                _, expected = self.logits("qcc-eval", SMALL, prompt, 0, *flags)
                _, rows = self.logits("qcc-run", engine, prompt, 0, "--quiet", "--device", "sim")
                error = abs(rows - expected) / abs(expected).max()
                print(f"{gate} and {up}: max error {error.max():.1e}", flush=True)
                self.assertLess(error.max(), limits.max_error)

    def test_a_layer_is_solved_for_as_if_it_were_alone(self):
        """What up_proj finds for its input does not depend on how gate_proj reads the same."""
        alone = "GPTQModifier: {scheme: {W8A8: ['re:model.layers.0.*up_proj']}}"
        mixed = alone.replace("]}}", "], FP8: ['re:model.layers.0.*gate_proj']}}")
        weights = [self.solved("alone", alone, "up_proj"), self.solved("mixed", mixed, "up_proj")]
        self.assertGreater(len(weights[0]), 1000)
        self.assertTrue(weights[0] == weights[1], "the codes differ")


class Damping(RecipeTest):
    def test_pruning_is_damped_as_its_modifier_says(self):
        pruning = "SparseGPTModifier: {mask_structure: '2:4', targets: ['re:.*0.*up_proj']%s}"
        rounding = "\n    GPTQModifier: {scheme: FP8_DYNAMIC, targets: ['re:.*1.*up_proj']%s}"
        usual, damped, other = (
            self.solved(name, pruning % ours + rounding % theirs, "layers.0.mlp.up_proj")
            for name, ours, theirs in (
                ("usual", "", ""),
                ("damped", ", dampening_frac: 0.9", ""),
                ("other", ", dampening_frac: 0.01", ", dampening_frac: 0.9"),
            )
        )
        self.assertGreater(len(usual), 1000)
        self.assertTrue(usual != damped, "dampening_frac of SparseGPTModifier has no effect")
        self.assertTrue(usual == other, "dampening_frac of GPTQModifier damps pruning")


class TiedHead(RecipeTest):
    def test_head_and_table_are_held_in_formats_of_their_own(self):
        model = os.path.join(FIXTURES, "qwen2")
        flags = ("--quantize-lm-head", "--quantize-embeddings")
        for quant in ("w4a16", "fp8"):  # fp8: one derivation for both
            with self.subTest(quant):
                kv = "fp8" if quant == "fp8" else "bf16"
                recipe = harness.Recipe(quant, kv, more=flags)
                limits = harness.tolerances()["fixtures", quant, kv]
                prompt = np.load(os.path.join(model, "tokens.npy")).tolist()
                self.agree(model, recipe, limits, prompt, 2)


class Evaluation(RecipeTest):
    def test_is_one_variant(self):
        recipe = self.recipe(stage(RECIPES["gptq"]))
        text = self.path("text")
        with open(text, "wb") as file:
            file.write(bytes(harness.heldout(1024)))
        flags = ["--recipe", recipe, *CALIB, "--text", text, "--window", 256, "--json"]
        report = json.loads(self.succeed("qcc-eval", SMALL, *flags).stdout)
        self.assertGreater(report["kl"]["mean"], 0)
        self.assertLess(report["kl"]["mean"], 0.05)
        self.assertEqual(report["quant"], "recipe")


if __name__ == "__main__":
    sys.exit(harness.main(sys.argv))
