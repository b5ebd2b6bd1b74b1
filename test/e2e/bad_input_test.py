"""What the tools refuse: impossible requests, unusable outputs, damaged engines. Damaged model
directories are in bad_checkpoints_test.py.

    bad_input_test.py BIN_DIR WORK_DIR
"""

import json
import os
import resource
import shutil
import sys

import harness
import numpy as np
from harness import FIXTURES, SMALL, Recipe

MODEL = os.path.join(FIXTURES, "llama2")


class Compiler(harness.ToolTest):
    def check_refused(self, status, message, *arguments, **more):
        """qcc fails and leaves nothing: neither an output nor a temporary file."""
        before = sorted(os.listdir(self.folder))
        self.refused(self.call("qcc", *arguments, **more), status, message)
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def test_impossible_requests(self):
        out = ("-o", self.path("x"))
        for status, message, arguments in (
            (2, "unknown GPU 'sm_70'; must be sm_80, sm_89 or sm_90", ("--target", "sm_70")),
            (69, "sm_80: has no FP8 tensor cores", ("--target", "sm_80,sm_90", "--quant", "fp8")),
            (2, "unknown preset 'int3'; must be none, fp8,", ("--quant", "int3")),
            (2, "unknown type 'int4'; must be bf16, fp8 or int8", ("--kv-cache-dtype", "int4")),
            (69, "fp8_block needs", ("--target", "sm_80", "--quant", "fp8_block")),
            (69, "no kernels for 3-bit weights", ("--quant", "w3a16")),
            (69, "no kernels for 2-bit weights", ("--quant", "w2a16")),
            (2, "gptq needs calibration tokens", ("--quant", "w4a16", "--method", "gptq")),
            (2, "no 2:4 product for --quant w4a16", ("--quant", "w4a16", "--sparsity", "2:4")),
            (2, "48 must be 32, 64, 128 or channel", ("--quant", "w4a16", "--group-size", "48")),
            (2, "fp8 has no groups", ("--quant", "fp8", "--group-size", "64")),
            (2, "1000 exceeds the model's max_position_embeddings 256", ("--max-context", "1000")),
            (2, "unknown phase 'link'", ("--compile-to", "link")),
            (2, "comes before", ("--compile-from", "schedule", "--compile-to", "import")),
        ):
            with self.subTest(arguments):
                self.check_refused(status, message, MODEL, *arguments, *out)

    def test_inputs_that_are_not_models(self):
        out = ("-o", self.path("x"))
        self.check_refused(65, "no such file or directory", self.path("nowhere"), *out)
        self.check_refused(65, "is not a directory", os.path.join(MODEL, "config.json"), *out)
        self.check_refused(2, "no input", *out)
        self.check_refused(2, "no output", MODEL)
        self.check_refused(
            65,
            "is not IR that qcc can read",
            "--compile-from",
            "import",
            os.path.join(MODEL, "config.json"),
            *out,
        )

    def test_output_that_is_an_input(self):
        model = self.path("model")
        shutil.copytree(MODEL, model)
        weights = os.path.join(model, "model.safetensors")
        os.symlink(weights, self.path("link"))
        with open(weights, "rb") as file:
            before = file.read()
        for out in (weights, self.path("link")):
            self.check_refused(74, "the output is one of the inputs", model, "-o", out)
        with open(weights, "rb") as file:
            self.assertTrue(before == file.read(), "the weights changed")

    def test_outputs_that_cannot_be_written(self):
        os.mkdir(self.path("folder"))
        self.check_refused(74, "is a directory", MODEL, "-o", self.path("folder"))
        self.check_refused(74, "No such file or directory", MODEL, "-o", self.path("no/such/x"))
        self.check_refused(74, "cannot write", MODEL, "-o", "/proc/x.qengine")

    def test_no_space_left(self):
        """A limit on the size of files stands for a full disk; its signal stays ignored."""
        self.engine(SMALL, Recipe("none"))  # the kernel cache is warm: only the engine is written
        limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))
        self.check_refused(
            74,
            "File too large",
            SMALL,
            "--quiet",
            "-o",
            self.path("x"),
            preexec_fn=limit,
            restore_signals=False,
        )
        self.check_refused(
            74,
            "File too large",
            SMALL,
            "--quiet",
            "--threads",
            "1",
            "-o",
            self.path("x"),
            preexec_fn=limit,
            restore_signals=False,
        )

    def test_a_failed_build_keeps_the_engine_that_was_there(self):
        with open(self.path("x"), "w") as file:
            file.write("before")
        self.check_refused(
            69, "FP8", MODEL, "--target", "sm_80", "--quant", "fp8", "-o", self.path("x")
        )
        with open(self.path("x")) as file:
            self.assertEqual(file.read(), "before")


class Calibration(harness.ToolTest):
    """Calibration data that cannot be used: said before anything is searched, and nothing is left."""

    def check_refused(self, message, data, *flags, status=65):
        before = sorted(os.listdir(self.folder))
        out = ("--quiet", "-o", self.path("x"))
        result = self.call("qcc", MODEL, "--quant", "w4a16", *flags, data, *out)
        self.refused(result, status, message)
        self.assertEqual(sorted(os.listdir(self.folder)), before)

    def write(self, name, content):
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def lines(self, *sequences):
        text = "".join(json.dumps({"input_ids": list(ids)}) + "\n" for ids in sequences)
        return self.write("x.jsonl", text.encode())

    def ids(self, shape, dtype, first=0):
        np.save(self.path("x.npy"), (np.arange(np.prod(shape)) % 97 + first).reshape(shape).astype(dtype))
        return self.path("x.npy")

    def test_ids_outside_the_vocabulary(self):
        for message, ids in (("token 2: id 131 is outside", [1, 2, 131]), ("id -1 is", [-1, 2, 3])):
            with self.subTest(message):
                self.check_refused(message, self.lines(ids, range(90)), "--calib")
        self.check_refused("id -1 is outside", self.ids((8, 32), np.int64, first=-1), "--calib")

    def test_empty_and_short_files(self):
        too_little = "calibration needs at least 2 sequences and 64 tokens"
        self.check_refused(too_little, self.write("empty.jsonl", b""), "--calib")
        self.check_refused(too_little, self.lines([1, 2], [3, 4]), "--calib")
        self.check_refused(too_little, self.ids((1, 256), np.int32), "--calib")
        self.check_refused("is not a .npy file", self.write("empty.npy", b""), "--calib")

    def test_other_contents(self):
        text = self.write("x.txt", b"In the beginning " * 99)
        self.check_refused("text is only for byte vocabularies", text, "--calib")
        self.check_refused("element type f32", self.ids((8, 32), np.float32), "--calib")
        self.check_refused("cannot open", self.path("nothing.jsonl"), "--calib", status=74)

    def test_statistics_of_another_model(self):
        other, stats = os.path.join(FIXTURES, "qwen2"), self.path("other.stats")
        tokens = self.ids((8, 32), np.int32)
        self.succeed("qcc-calibrate", other, "--calib", tokens, "-o", stats)
        flags = ("--method", "smoothquant", "--stats")
        self.check_refused("statistics of another model (qwen2)", stats, *flags)


class Runner(harness.ToolTest):
    def run_model(self, engine, *arguments):
        return self.call("qcc-run", engine, "--device", "sim", "--quiet", *arguments)

    def test_prompts(self):
        engine = self.engine(MODEL, Recipe("none"))
        for message, tokens in (
            ("ids are 0 to 130", "1,131"),
            ("ids are 0 to 130", "1,2147483647"),
            ("empty prompt", ""),
            ("prompt of 257 tokens exceeds the engine's context of 256", harness.listed([1] * 257)),
        ):
            with self.subTest(tokens[:20]):
                self.refused(self.run_model(engine, "--tokens", tokens), 65, message)
        self.refused(self.run_model(engine, "--tokens=-1"), 65, "130")
        self.refused(
            self.run_model(engine, "--tokens", harness.listed([1] * 250), "--max-new", 8), 65, "256"
        )
        self.refused(self.run_model(engine, "--text", "a"), 65, "no byte vocabulary")
        self.refused(
            self.run_model(self.path("nowhere"), "--tokens", "1"), 74, "No such file or directory"
        )

    def test_the_last_position_of_the_context_works(self):
        tokens, _ = self.simulated(MODEL, Recipe("none"), [1] * 250, 7)
        self.assertEqual(len(tokens), 7)


class DamagedEngine(harness.ToolTest):
    def setUp(self):
        super().setUp()
        with open(self.engine(MODEL, Recipe("fp8", "fp8")), "rb") as file:
            self.sound = file.read()
        self.damaged = self.path("damaged.qengine")

    def check_refused(self, data, what):
        with open(self.damaged, "wb") as file:
            file.write(data)
        with self.subTest(what):
            result = self.call("qcc-inspect", self.damaged, "--verify")
            self.refused(result, 65, self.damaged)
        return result.stderr

    def check_runtime_refuses(self, what):
        """The runtime too, before anything is generated."""
        with self.subTest(what):
            result = self.call(
                "qcc-run",
                self.damaged,
                "--device",
                "sim",
                "--verify",
                "--quiet",
                "--tokens",
                "1",
                "--max-new",
                1,
            )
            self.refused(result, 65, self.damaged)

    def test_flipped_bits(self):
        size = len(self.sound)
        # A third of the header's and section table's bytes, then places all over the file.
        places = (
            [(byte, byte % 8) for byte in range(0, 512, 3)]
            + [(size * i // 150, i % 8) for i in range(1, 150)]
            + [(size - 1, 7)]
        )
        for byte, bit in places:
            data = bytearray(self.sound)
            data[byte] ^= 1 << bit
            self.check_refused(bytes(data), f"bit {bit} of byte {byte}")
            if byte % 29 == 0:
                self.check_runtime_refuses(f"bit {bit} of byte {byte}")

    def test_truncation_and_addition(self):
        size = len(self.sound)
        for length in [0, 1, 7, 8, 63, 64, 100, 4095, 4096, size // 2, size - 4096, size - 1]:
            self.check_refused(self.sound[:length], f"the first {length} bytes")
            self.check_runtime_refuses(f"the first {length} bytes")
        self.check_refused(self.sound + b"\0", "a byte more")

    def test_other_files(self):
        with open(os.path.join(MODEL, "model.safetensors"), "rb") as file:
            self.assertIn("not an engine file", self.check_refused(file.read(), "a checkpoint"))
        self.check_refused(b"version https://git-lfs.github.com/spec/v1\n", "an LFS pointer")

    def test_the_sound_engine_is_accepted(self):
        with open(self.damaged, "wb") as file:
            file.write(self.sound)
        self.succeed("qcc-inspect", self.damaged, "--verify")


class Evaluation(harness.ToolTest):
    def test_logits_that_cannot_be_written(self):
        result = self.call("qcc-eval", MODEL, "--tokens", "1", "--logits", self.path("no/such.npy"))
        self.refused(result, 74, "No such file or directory")

    def test_dry_run_writes_nothing(self):
        report = self.succeed(
            "qcc", MODEL, "--quant", "w4a16", "--dry-run", "-o", self.path("x")
        ).stdout
        self.assertIn("parameters", report)
        self.assertEqual(os.listdir(self.folder), [])


if __name__ == "__main__":
    harness.main(sys.argv)
