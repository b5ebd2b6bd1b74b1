"""qcc-eval as a user meets it: generation, loss, refusals.

    eval_test.py QCC_EVAL
"""

import json
import os
import subprocess
import sys
import tempfile
import unittest

import numpy as np

MODELS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "models")
LLAMA = os.path.join(MODELS, "fixtures", "llama2")
SMALL = os.path.join(MODELS, "small")


class Eval(unittest.TestCase):
    tool = None

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name

    def run_tool(self, *arguments):
        return subprocess.run([self.tool, *arguments], capture_output=True, text=True, check=False)

    def check_refused(self, status, message, *arguments):
        result = self.run_tool(*arguments)
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(message, result.stderr)
        self.assertEqual(result.stdout, "")

    def test_generation_feeds_its_own_tokens_back(self):
        out = os.path.join(self.folder, "a.npy")
        result = self.run_tool(LLAMA, "--tokens", "5,6,7", "--max-new", "9", "--ignore-eos", "--logits", out)
        self.assertEqual(result.returncode, 0, result.stderr)
        generated = [int(token) for token in result.stdout.split(",")]
        rows = np.load(out)
        self.assertEqual(rows.shape, (3 + 8, 131), "the last token is not fed back")
        self.assertEqual(generated, list(rows[2:].argmax(axis=1)))
        # One prefill over prompt and answer gives the same logits as the steps did.
        self.run_tool(LLAMA, "--tokens", ",".join(map(str, [5, 6, 7] + generated[:-1])), "--logits", out)
        whole = np.load(out)
        self.assertLess(np.abs(whole - rows).max(), 1e-5 * np.abs(whole).max())

    def test_end_token_stops_generation(self):
        result = self.run_tool(LLAMA, "--tokens", "5,6,7", "--max-new", "9", "--ignore-eos")
        tokens = result.stdout.strip().split(",")
        self.assertEqual(len(tokens), 9)
        # The same model, told that the third token generated ends the answer.
        model = os.path.join(self.folder, "model")
        os.makedirs(model)
        os.symlink(os.path.join(os.path.abspath(LLAMA), "model.safetensors"), os.path.join(model, "model.safetensors"))
        with open(os.path.join(LLAMA, "config.json")) as file:
            config = json.load(file)
        with open(os.path.join(model, "config.json"), "w") as file:
            json.dump(config | {"eos_token_id": int(tokens[2])}, file)
        stopped = self.run_tool(model, "--tokens", "5,6,7", "--max-new", "9").stdout.strip().split(",")
        self.assertEqual(stopped, tokens[:tokens.index(tokens[2]) + 1])

    def test_loss_is_the_mean_over_whole_windows(self):
        text, out = os.path.join(self.folder, "text"), os.path.join(self.folder, "l.npy")
        with open(os.path.join(SMALL, "heldout.txt"), "rb") as file:
            data = file.read(2 * 40 + 13)
        with open(text, "wb") as file:
            file.write(data)
        result = self.run_tool(SMALL, "--text", text, "--window", "40", "--quant", "none", "--json")
        self.assertEqual(result.returncode, 0, result.stderr)
        report = json.loads(result.stdout)
        self.assertEqual((report["quant"], report["windows"]), ("none", 2))
        total = 0.0
        for begin in (0, 40):
            window = data[begin:begin + 40]
            self.run_tool(SMALL, "--tokens", ",".join(map(str, window)), "--logits", out)
            logits = np.load(out).astype(np.float64)
            log_sum = np.log(np.exp(logits).sum(axis=1))
            total += sum(log_sum[i] - logits[i, window[i + 1]] for i in range(39))
        self.assertEqual(report["positions"], 80)
        self.assertAlmostEqual(report["nll"]["float"], total / 78, delta=1e-5)
        self.assertNotEqual(report["nll"]["float"], report["nll"]["quantized"])

    def test_bad_usage_is_refused(self):
        self.check_refused(2, "nothing to do", LLAMA)
        self.check_refused(2, "no input", "--tokens", "1")
        self.check_refused(2, "--tokens: its value is empty", LLAMA, "--tokens", "")
        self.check_refused(2, "'x' is not a token id", LLAMA, "--tokens", "1,x")
        self.check_refused(2, "'-1' is not a token id", LLAMA, "--tokens=-1")
        self.check_refused(2, "outside the vocabulary of 131", LLAMA, "--tokens", "1,131")
        self.check_refused(2, "context of 256", LLAMA, "--tokens", "1", "--max-new", "256")
        self.check_refused(2, "unknown preset 'int3'", LLAMA, "--tokens", "1", "--quant", "int3")
        self.check_refused(2, "choose one", LLAMA, "--tokens", "1", "--quant", "fp8,none")
        self.check_refused(2, "exclude each other", LLAMA, "--tokens", "1", "--text", "x")
        self.check_refused(2, "--max-new is for --tokens", LLAMA, "--text", "x", "--max-new", "1")
        self.check_refused(2, "--group-size", LLAMA, "--tokens", "1", "--group-size", "64")
        self.check_refused(2, "must be 32, 64, 128 or channel", LLAMA, "--tokens", "1", "--quant", "w4a16", "--group-size", "7")
        self.check_refused(2, "--kv-cache-dtype", LLAMA, "--tokens", "1", "--kv-cache-dtype", "fp8")

    def test_bad_input_is_refused(self):
        text = os.path.join(self.folder, "short")
        with open(text, "w") as file:
            file.write("short")
        self.check_refused(2, "give token ids with --tokens-file", LLAMA, "--text", text)
        self.check_refused(65, "a window needs 512", SMALL, "--text", text)
        self.check_refused(74, "not a directory", text, "--tokens", "1")
        self.check_refused(65, "is not a .npy file", LLAMA, "--tokens", self.npy(b"no array"))
        self.check_refused(65, "matches no linear layer", LLAMA, "--tokens", "1", "--quant", "fp8", "--exclude", "no.such.layer")

    def npy(self, data):
        path = os.path.join(self.folder, "tokens.npy")
        with open(path, "wb") as file:
            file.write(data)
        return path


if __name__ == "__main__":
    Eval.tool = sys.argv.pop(1)
    unittest.main()
