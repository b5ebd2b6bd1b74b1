#!/usr/bin/env python3
"""qcc-run and qcc-inspect from the outside: output, exit codes and messages.

usage: tools_test.py MAKE_ENGINE QCC_RUN QCC_INSPECT LIBQCCSIM

The engine is the ledger model (LedgerEngine.h): next token = sum of (position + 1) * token over the context, modulo 301; token 300 ends a text.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

MAKE, RUN, INSPECT, SIM = sys.argv[1:5]
V = 301


def ledger(tokens):
    return sum((p + 1) * t for p, t in enumerate(tokens)) % V


def generate(prompt, count):
    tokens = list(prompt)
    for _ in range(count):
        tokens.append(ledger(tokens))
    return tokens[len(prompt):]


def read_npy(path):
    data = path.read_bytes()
    assert data[:8] == b"\x93NUMPY\x01\x00"
    (length,) = struct.unpack("<H", data[8:10])
    header = eval(data[10:10 + length], {"__builtins__": {}})  # numpy's format: a Python literal
    assert header["descr"] == "<f4" and not header["fortran_order"] and (10 + length) % 64 == 0
    rows, columns = header["shape"]
    values = struct.unpack(f"<{rows * columns}f", data[10 + length:])
    return [values[r * columns:(r + 1) * columns] for r in range(rows)]


class Tools(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp())
        self.addCleanup(lambda: subprocess.run(["rm", "-r", str(self.folder)], check=True))
        self.engine = str(self.folder / "x.qengine")
        subprocess.run([MAKE, self.engine], check=True)

    def run_tool(self, *arguments, libcuda=SIM):
        environment = dict(os.environ, QCC_LIBCUDA=libcuda)
        return subprocess.run([str(a) for a in arguments], capture_output=True, env=environment, timeout=120)

    def run_model(self, *arguments, **more):
        return self.run_tool(RUN, self.engine, "--device", "sim", *arguments, **more)

    def refused(self, result, code, text):
        self.assertEqual(result.returncode, code, result.stderr)
        self.assertIn(text, result.stderr.decode())
        self.assertEqual(result.stdout, b"")

    def test_prints_generated_tokens_and_nothing_else(self):
        result = self.run_model("--tokens", "7,250, 0,31,99", "--max-new", "10")
        self.assertEqual(result.stdout.decode(), ",".join(map(str, generate([7, 250, 0, 31, 99], 10))) + "\n")
        self.assertEqual(result.returncode, 0)

    def test_prompts_run_together_and_answer_in_order(self):
        prompts = [[5], list(range(40)), [1, 2, 3], [299] * 20, [4, 4]]  # more than the engine takes in a step, one longer than a step
        arguments = [part for prompt in prompts for part in ("--tokens", ",".join(map(str, prompt)))]
        result = self.run_model(*arguments, "--max-new", "6", "--ignore-eos")
        expected = "".join(",".join(map(str, generate(p, 6))) + "\n" for p in prompts)
        self.assertEqual(result.stdout.decode(), expected, result.stderr)
        few = self.run_model(*arguments, "--max-new", "6", "--ignore-eos", "--kv-tokens", "50")  # they take turns
        self.assertEqual(few.stdout.decode(), expected, few.stderr)

    def test_text_is_bytes(self):
        result = self.run_model("--text", "ab", "--max-new", "3")
        tokens = generate(b"ab", 3)
        self.assertEqual(result.stdout, bytes(t for t in tokens if t < 256) + b"\n")

    def test_stops_after_end_of_text(self):
        prompt = next([0, t] for t in range(V) if ledger([0, t]) == 300)
        self.assertEqual(self.run_model("--tokens", ",".join(map(str, prompt)), "--max-new", "5").stdout, b"300\n")
        more = self.run_model("--tokens", ",".join(map(str, prompt)), "--max-new", "5", "--ignore-eos")
        self.assertEqual(more.stdout.decode().strip(), ",".join(map(str, generate(prompt, 5))))

    def test_logits_have_a_row_for_each_position_that_was_fed(self):
        prompt = list(range(3, 33))  # 30 tokens: more than a step takes, and more than its logit rows
        for count in (0, 1, 4):
            file = self.folder / f"{count}.npy"
            self.assertEqual(self.run_model("--tokens", ",".join(map(str, prompt)), "--max-new", count, "--logits", file).returncode, 0)
            rows = read_npy(file)
            self.assertEqual(len(rows), len(prompt) + max(count - 1, 0))
            fed = prompt + generate(prompt, count)
            for position, row in enumerate(rows):
                self.assertEqual(max(range(V), key=row.__getitem__), ledger(fed[:position + 1]))
        self.assertEqual(sorted(p.name for p in self.folder.iterdir()), ["0.npy", "1.npy", "4.npy", "x.qengine"])

    def test_bad_requests_name_the_limit(self):
        self.refused(self.run_model("--tokens", "1,301"), 65, "ids are 0 to 300")
        self.refused(self.run_model("--tokens=-1"), 65, "ids are 0 to 300")
        self.refused(self.run_model("--tokens", ""), 65, "empty prompt")
        self.refused(self.run_model("--tokens", ",".join(["1"] * 61)), 65, "prompt of 61 tokens exceeds the engine's context of 60")
        self.refused(self.run_model("--tokens", ",".join(["1"] * 58), "--max-new", "4"), 65, "at most 3 tokens")
        self.refused(self.run_model("--tokens", ",".join(["1"] * 17), "--kv-tokens", "16"), 71, "raise --kv-tokens")

    def test_bad_usage(self):
        self.refused(self.run_model(), 2, "no prompt")
        self.refused(self.run_model("--tokens", "1,x"), 2, "--tokens 'x' must be a whole number")
        self.refused(self.run_model("--tokens", "1,"), 2, "ends in a comma")
        self.refused(self.run_model("--tokens", "1", "--warp"), 2, "unknown option '--warp'")
        self.refused(self.run_model("--tokens", "1", "--max-new"), 2, "--max-new needs a value")
        self.refused(self.run_tool(RUN, "--device", "tpu"), 2, "must be gpu or sim")
        self.refused(self.run_tool(INSPECT), 2, "no engine file")

    def test_without_a_driver_the_simulator_is_suggested(self):
        result = self.run_tool(RUN, self.engine, "--tokens", "1", libcuda="/nonexistent/libcuda.so.1")
        self.refused(result, 69, "--device sim")

    def test_unwritable_logits(self):
        self.refused(self.run_model("--tokens", "1", "--logits", self.folder / "no" / "x.npy"), 74, "cannot create")

    def test_damage_is_refused_by_both(self):
        data = bytearray(pathlib.Path(self.engine).read_bytes())
        data[4100] ^= 1  # weights
        pathlib.Path(self.engine).write_bytes(data)
        self.refused(self.run_model("--tokens", "1"), 65, "section 'weights' SHA-256 mismatch")
        self.refused(self.run_tool(INSPECT, self.engine, "--verify"), 65, "section 'weights' SHA-256 mismatch")
        self.assertEqual(self.run_tool(INSPECT, self.engine).returncode, 0)
        data[-1] ^= 1  # plan
        pathlib.Path(self.engine).write_bytes(data)
        self.refused(self.run_tool(INSPECT, self.engine), 65, "section 'plan' SHA-256 mismatch")

    def test_inspect_shows_and_extracts(self):
        text = self.run_tool(INSPECT, self.engine, "--plan", "--verify").stdout.decode()
        for part in ("vocabulary 301", "ledger_predict", "20 registers", "1 if Q<=1", "grid(ceil(T/32), 1, 1)", "verified"):
            self.assertIn(part, text)
        described = json.loads(self.run_tool(INSPECT, self.engine, "--json").stdout)
        self.assertEqual([c["bytes"] for c in described["constants"]], [1204, 1204])
        self.assertEqual(described["model"]["eos_tokens"], [300])
        self.assertEqual(described["steps"][1][0]["bounds"], {"Q": 1})
        out = self.folder / "kernels"
        self.assertEqual(self.run_tool(INSPECT, self.engine, "--extract", out).returncode, 0)
        self.assertEqual(sorted(p.name for p in out.iterdir()), sorted(
            f"{k}.{s}" for k in ("ledger_append", "ledger_predict") for s in ("cu", "sm_90.cubin", "compute_80.ptx")))
        source = pathlib.Path(__file__).with_name("ledger.ptx").read_bytes()
        self.assertEqual((out / "ledger_append.compute_80.ptx").read_bytes(), source)


if __name__ == "__main__":
    unittest.main(argv=sys.argv[:1])
