"""What the end-to-end tests share: the tools, engines compiled once, logits, the tolerance table.

Each test is called with the folder of the built tools and a working folder in the build tree, which
keeps the kernel cache and the engines between the tests of a run:

    agreement_test.py BIN_DIR WORK_DIR
"""

import dataclasses
import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import numpy as np

TEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
ROOT = os.path.abspath(os.path.join(TEST, ".."))
SMALL = os.path.join(ROOT, "test", "models", "small")
FIXTURES = os.path.join(ROOT, "test", "models", "fixtures")
HELDOUT = os.path.join(SMALL, "heldout.txt")
CALIB = os.path.join(SMALL, "calib.txt")
MODEL_SCRIPTS = os.path.join(ROOT, "tools", "dev", "models")
TOLERANCES = os.path.join(ROOT, "docs", "testing.md")

sys.path.insert(0, os.path.join(TEST, "tools"))
import compare_logits  # noqa: E402

# Looking for races costs most of the simulator's time; agreement_test runs with every check once.
BULK = "races=off"


def heldout(count, begin=0):
    """`count` bytes of the held-out text as token ids."""
    with open(HELDOUT, "rb") as file:
        return list(file.read()[begin : begin + count])


def listed(tokens):
    return ",".join(map(str, tokens))


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How weights and K/V are stored: the flags that qcc and qcc-eval share."""

    quant: str
    kv: str = "bf16"
    group: object = 0  # a number of columns, or "channel"; 0 for the preset's own
    sparse: bool = False
    static: bool = False  # activations
    more: tuple = ()
    calib_tokens: int = 0  # of the calibration text; 0 for none

    def flags(self):
        flags = ["--quant", self.quant, "--kv-cache-dtype", self.kv]
        if self.group:
            flags += ["--group-size", str(self.group)]
        if self.sparse:
            flags += ["--sparsity", "2:4"]
        if self.static:
            flags += ["--activations", "static"]
        if self.calib_tokens:
            flags += ["--calib", CALIB, "--calib-tokens", str(self.calib_tokens)]
        return [*flags, *self.more]

    def format(self):
        """The name of its row in the tolerance table."""
        return self.quant + (" 2:4" if self.sparse else "") + (" static" if self.static else "")

    def __str__(self):
        words = [self.format(), f"kv {self.kv}"]
        if self.group:
            words.append(f"group {self.group}")
        if self.calib_tokens:
            words.append("calibrated")
        return " ".join([*words, *self.more])


@dataclasses.dataclass(frozen=True)
class Tolerance:
    """A row of the table in docs/testing.md; its measures are compare_logits.py's."""

    first_row: float
    max_error: float
    rms_error: float


def tolerances():
    """The tolerance table: {(model, format, kv): Tolerance}; a row may name several formats."""
    table, row = {}, re.compile(
        r"\| (small|fixtures) \| ([\w:, ]+) \| ([\w, ]+) \|([^|]+)\|([^|]+)\|([^|]+)\|"
    )
    with open(TOLERANCES) as file:
        for match in filter(None, map(row.match, file)):
            limits = Tolerance(*(float(match.group(i)) for i in (4, 5, 6)))
            for name in match.group(2).split(", "):
                for kv in match.group(3).split(", "):
                    if table.setdefault((match.group(1), name, kv), limits) is not limits:
                        raise ValueError(f"{TOLERANCES}: two rows for {name}, {kv}")
    if not table:
        raise ValueError(f"{TOLERANCES} holds no tolerance table")
    return table


def parts_at(reference, actual):
    """The index at which two token lists part, or None."""
    if len(reference) != len(actual):
        raise ValueError(f"{len(reference)} tokens against {len(actual)}")
    return next((i for i, (a, b) in enumerate(zip(reference, actual)) if a != b), None)


class ToolTest(unittest.TestCase):
    """A test with the built tools at hand and a folder of its own."""

    bin_dir = work_dir = None

    def setUp(self):
        self.folder = tempfile.mkdtemp(dir=self.work_dir)
        self.addCleanup(shutil.rmtree, self.folder)

    def path(self, name):
        return os.path.join(self.folder, name)

    def tool(self, name):
        return os.path.join(self.bin_dir, name)

    def environment(self, simulator=BULK, **more):
        return dict(
            os.environ,
            QCC_KERNEL_CACHE=os.path.join(self.work_dir, "kernels"),
            QCCSIM_OPTIONS=simulator,
            **more,
        )

    def call(self, name, *arguments, simulator=BULK, **more):
        """Runs a tool; standard output and error as text."""
        return subprocess.run(
            [self.tool(name), *map(str, arguments)],
            capture_output=True,
            check=False,
            encoding="utf-8",
            errors="replace",
            timeout=600,
            env=self.environment(simulator),
            **more,
        )

    def succeed(self, name, *arguments, **more):
        result = self.call(name, *arguments, **more)
        self.assertEqual(result.returncode, 0, f"{name} {arguments}:\n{result.stderr}")
        return result

    def refused(self, result, status, message):
        """The tool said `message`, wrote nothing on standard output and ended with `status`."""
        self.assertEqual(result.returncode, status, result.stderr)
        self.assertIn(message, result.stderr)
        self.assertEqual(result.stdout, "")

    def engine_path(self, model, recipe):
        """Where the engine of a model for this build of qcc is kept."""
        folder = os.path.join(self.work_dir, "engines")
        os.makedirs(folder, exist_ok=True)
        built = os.stat(self.tool("qcc"))
        key = [os.path.abspath(model), *recipe.flags(), built.st_mtime_ns, built.st_size]
        name = re.sub(r"[^\w]+", "-", f"{os.path.basename(model)} {recipe}")
        digest = hashlib.sha256(repr(key).encode()).hexdigest()[:12]
        return os.path.join(folder, f"{name}-{digest}.qengine")

    def work_flags(self, model, recipe):
        """The folder of calibrated weights: the compiler writes it, the interpreter finds them there."""
        if not recipe.calib_tokens:
            return []
        return ["--work-dir", self.engine_path(model, recipe) + ".weights"]

    def engine(self, model, recipe):
        """The engine of a model, compiled once for all tests of a build of qcc."""
        path = self.engine_path(model, recipe)
        with open(path + ".lock", "w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.exists(path):
                flags = recipe.flags() + self.work_flags(model, recipe)
                self.succeed("qcc", model, "--quiet", "--target", "sm_90", *flags, "-o", path)
        return path

    def logits(self, name, source, prompt, count, *flags, **more):
        """(generated tokens, logits) of qcc-run or qcc-eval; float64 [positions, vocabulary]."""
        out = self.path(f"{name}.npy")
        result = self.succeed(
            name,
            source,
            "--tokens",
            listed(prompt),
            "--max-new",
            count,
            "--ignore-eos",
            "--logits",
            out,
            *flags,
            **more,
        )
        tokens = [int(token) for token in result.stdout.split(",")] if count else []
        self.assertEqual(len(tokens), count)
        rows = compare_logits.load(out)
        self.assertEqual(len(rows), len(prompt) + max(count - 1, 0))
        return tokens, rows

    def interpreted(self, model, recipe, prompt, count):
        """In double precision: how a BLAS orders f32 sums depends on the processor."""
        flags = recipe.flags() + self.work_flags(model, recipe)
        return self.logits("qcc-eval", model, prompt, count, "--f64", *flags)

    def simulated(self, model, recipe, prompt, count, *flags, **more):
        return self.logits(
            "qcc-run",
            self.engine(model, recipe),
            prompt,
            count,
            "--quiet",
            "--device",
            "sim",
            *flags,
            **more,
        )

    def agree(self, model, recipe, tolerance, prompt, count, **more):
        """The engine's logits and greedy choices on the simulator are the interpreter's.

        Where the engine's choice parts from the interpreter's, which only a near-tie may cause, the
        engine is started again on the interpreter's tokens: all positions see equal inputs.
        """
        expected_tokens, expected = self.interpreted(model, recipe, prompt, count)
        text, done, rounds, worst, square = prompt + expected_tokens, 0, 0, 0.0, 0.0
        begin = 0  # the first row not compared yet
        while done < count or not rounds:
            tokens, rows = self.simulated(
                model, recipe, text[: len(prompt) + done], count - done, **more
            )
            parted = parts_at(expected_tokens[done:], tokens)
            end = len(expected) if parted is None else len(prompt) + done + parted
            result = compare_logits.compare(
                expected[begin:end], rows[begin:end], tolerance.max_error
            )
            self.assertEqual(
                result["greedy_different"], [], f"{recipe}: tokens differ beyond near-ties"
            )
            scale = np.abs(expected).max()
            error = (rows[begin:end] - expected[begin:end]) / scale
            if begin == 0:
                first = float(np.abs(error[0]).max())
            worst, square = max(worst, float(np.abs(error).max())), square + float((error**2).sum())
            done, begin, rounds = (count if parted is None else done + parted + 1), end, rounds + 1
        rms = float(np.sqrt(square / np.sum((expected / scale) ** 2)))
        print(
            f"{os.path.basename(model)} {recipe}: {len(prompt)}+{count} tokens, "
            f"first row {first:.1e}, "
            f"max error {worst:.1e}, rms error {rms:.1e}, near-ties {rounds - 1}",
            flush=True,
        )
        self.assertLessEqual(first, tolerance.first_row)
        self.assertLessEqual(worst, tolerance.max_error)
        self.assertLessEqual(rms, tolerance.rms_error)


def main(arguments):
    """A test's main: takes BIN_DIR and WORK_DIR, leaves the rest to unittest."""
    ToolTest.bin_dir, ToolTest.work_dir = (os.path.abspath(a) for a in arguments[1:3])
    os.makedirs(ToolTest.work_dir, exist_ok=True)
    unittest.main(module="__main__", argv=[arguments[0], *arguments[3:]])
