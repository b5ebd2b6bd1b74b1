#!/usr/bin/env python3
"""What bench/gpu.sh does when something is wrong: a GPU's time is short, so it must go on, say so and fail.

    gpu_script_test.py BUILD_DIRECTORY
"""

import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest
import unittest.mock
from pathlib import Path

import numpy as np

BENCH = Path(__file__).resolve().parents[1]
BUILD = Path(sys.argv.pop(1)).resolve()
os.environ.setdefault("QCC_LIBCUDA", str(BUILD / "bin/libqccsim.so"))

sys.path[:0] = [str(BENCH / "driver"), str(BENCH.parent / "test/e2e")]
import carry  # noqa: E402
import checks  # noqa: E402
import harness  # noqa: E402
import peers  # noqa: E402
import report  # noqa: E402
import shapes  # noqa: E402
import shim  # noqa: E402
import timing  # noqa: E402


class Script(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)

    def gpu(self, *arguments, build=None, **environment):
        """Exit status, standard error, and the report (None if there is none)."""
        command = [BENCH / "gpu.sh", "--build", build or BUILD, "--out", self.folder / "out", *arguments]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              env={**os.environ, **environment})
        reports = list((self.folder / "out").glob("*.json"))
        if not reports:
            return done.returncode, done.stderr, None
        self.assertTrue(reports[0].with_suffix(".txt").is_file())
        result = json.loads(reports[0].read_text())
        result["text"] = reports[0].with_suffix(".txt").read_text()
        return done.returncode, done.stderr, result

    def copied_build(self):
        """A folder like BUILD whose programs can be replaced."""
        copy = self.folder / "build"
        (copy / "bin").mkdir(parents=True)
        for name in ("kernel-check", "qcc-run", "libqcc_bench.so"):
            (copy / "bin" / name).symlink_to(BUILD / "bin" / name)
        return copy

    def replace(self, path, script):
        path.unlink()
        path.write_text("#!/bin/sh\n" + script)
        path.chmod(0o755)

    def test_unknown_option(self):
        self.assertEqual(self.gpu("--fast")[0], 2)

    def test_value_missing(self):
        self.assertEqual(self.gpu("--seconds")[0], 2)

    def test_no_driver(self):
        code, _, result = self.gpu("--no-engine", QCC_LIBCUDA="/nonexistent/libcuda.so")
        self.assertEqual(code, 1)
        self.assertIn("/nonexistent/libcuda.so cannot be opened", result["errors"][0])
        self.assertIn("1 failures", result["text"])

    def test_simulator_is_no_gpu(self):
        code, _, result = self.gpu("--no-engine")
        self.assertEqual(code, 1)
        self.assertIn("only --dry may use the simulator", result["errors"][0])
        self.assertEqual(result["timings"], [])

    def test_shim_missing(self):
        build = self.copied_build()
        (build / "bin/libqcc_bench.so").unlink()
        code, _, result = self.gpu("--dry", "--no-engine", build=build)
        self.assertEqual(code, 1)
        self.assertIn("libqcc_bench.so", result["errors"][0])

    def test_crash_of_the_checker_is_a_failure(self):
        build = self.copied_build()
        self.replace(build / "bin/kernel-check", "echo 'pass gemm x: error 0.1 of its bound (why)'; kill -SEGV $$")
        code, _, result = self.gpu("--dry", "--no-engine", "--class", "swiglu", build=build)
        self.assertEqual(code, 1)
        self.assertEqual([each["status"] for each in result["kernels"]], ["checked", "failed"] * 2)
        self.assertIn("exit code -11", result["kernels"][1]["message"])
        self.assertEqual({each["status"] for each in result["timings"]}, {"checked"})  # the rest goes on

    def test_failed_case_is_a_failure(self):
        build = self.copied_build()
        self.replace(build / "bin/kernel-check",
                     "echo 'FAIL gemm x: error 0.1 of its bound (why): y[0, 0] = 1, expected 2'\n"
                     "echo '0 passed, 1 failed'; exit 1")
        code, _, result = self.gpu("--dry", "--no-engine", "--class", "swiglu", build=build)
        self.assertEqual(code, 1)
        self.assertIn("gemm x: y[0, 0] = 1, expected 2", result["text"])

    def test_nothing_carried(self):
        code, _, result = self.gpu("--dry", "--no-check", "--class", "swiglu", "--carry", self.folder / "none")
        self.assertEqual(code, 1)
        self.assertIn("not carried", result["engines"][0]["message"])

    def test_unknown_class(self):
        code, _, result = self.gpu("--dry", "--no-check", "--no-engine", "--class", "sparse")
        self.assertEqual(code, 1)
        self.assertIn("no class begins with sparse", result["errors"][0])

    def test_time_is_up(self):
        code, _, result = self.gpu("--dry", "--no-check", "--no-engine", "--seconds", "0")
        self.assertEqual(code, 0)
        self.assertEqual({each["status"] for each in result["timings"]}, {"not timed"})

    def test_a_gpu_without_e4m3_products(self):
        code, _, result = self.gpu("--dry", "--no-check", "--no-engine", "--class", "gemm e4m3", "--class", "gemm s8",
                                   "--class", "decode e4m3", QCCSIM_DEVICE="sm_80")
        self.assertEqual(code, 0)
        for each in result["timings"]:
            self.assertEqual(each["status"], "not timed" if each["class"].startswith("gemm e4m3") else "checked")
        self.assertEqual({each["class"] for each in result["timings"]},
                         {"gemm e4m3", "gemm e4m3_block", "gemm e4m3_24", "gemm s8", "gemm s8a8", "gemm s8_24",
                          "decode e4m3"})

    def test_build_fails(self):
        tree = self.folder / "tree"
        (tree / "bench").mkdir(parents=True)
        for name in ("gpu.sh", "driver"):
            (shutil.copytree if name == "driver" else shutil.copy)(BENCH / name, tree / "bench" / name)
        (tree / "CMakeLists.txt").write_text("message(FATAL_ERROR \"no such thing\")\n")
        (tree / "bench/carry/generated").mkdir(parents=True)
        (tree / "bench/carry/generated/plan_generated.h").touch()
        done = subprocess.run([tree / "bench/gpu.sh", "--out", self.folder / "out"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        [found] = (self.folder / "out").glob("*.json")
        self.assertIn("the build failed", json.loads(found.read_text())["errors"][0])


class Engines(unittest.TestCase):
    """A carried case whose engine is off by 0.4 of 8 in the first row: judged by the limits that were carried."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        (self.folder / "c.qengine.gz").write_bytes(gzip.compress(b"engine"))
        np.save(self.folder / "expected.npy", np.float32([[1, 2], [8, 0]]))
        np.save(self.folder / "actual.npy", np.float32([[1, 2.4], [8, 0]]))
        program = self.folder / "qcc-run"  # its last argument is the file of the logits
        program.write_text(f'#!/bin/sh\ngrep -q engine "$1" || exit 9\nfor last; do :; done\ncp {self.folder}/actual.npy "$last"\n')
        program.chmod(0o755)

    def outcome(self, **limits):
        case = {"name": "c", "engine": "c.qengine.gz", "tokens": "1,2", "max_new": 1, "logits": "expected.npy", **limits}
        (self.folder / "carry.json").write_text(json.dumps({"cases": [case]}))
        [found] = checks.engines(BENCH.parent, self.folder, self.folder, True)
        return found["status"], found["message"]

    def test_within_all_limits(self):
        self.assertEqual(self.outcome(first_row=0.051, max_error=0.051, rms_error=0.1), ("checked", ""))

    def test_each_limit_decides(self):
        for name in ("first_row", "max_error", "rms_error"):
            status, message = self.outcome(**{"first_row": 1, "max_error": 1, "rms_error": 1, name: 0.01})
            self.assertEqual(status, "failed")
            self.assertIn(f"{name} ", message)

    def test_an_engine_that_did_not_arrive_whole(self):
        path = self.folder / "c.qengine.gz"
        whole = path.read_bytes()
        for content in (whole[:-9], b"", b"engine"):
            path.write_bytes(content)
            status, message = self.outcome(first_row=1, max_error=1, rms_error=1)
            self.assertEqual(status, "failed", content)
            self.assertIn("make it again with bench/carry.sh" if content else "exit code 9", message)
        path.unlink()
        self.assertIn("No such file", self.outcome(first_row=1, max_error=1, rms_error=1)[1])

    def test_of_an_older_carry(self):
        status, message = self.outcome(max_error=1, rms_error=1)
        self.assertEqual(status, "failed")
        self.assertIn("lacks first_row; make it again with bench/carry.sh", message)

    def test_limits_are_the_table_s(self):
        table = harness.tolerances()
        for recipe, _, _ in carry.CASES + carry.SMALL_CASES:
            row = table["small", recipe.format(), recipe.kv]
            self.assertEqual(carry.limits(recipe), {"first_row": row.first_row, "max_error": row.max_error,
                                                    "rms_error": row.rms_error})

    def test_no_limits(self):
        with self.assertRaisesRegex(SystemExit, "has no limits for small, w3a16, K/V bf16"):
            carry.limits(harness.Recipe("w3a16"))


class FakeDevice:
    """Launches take the time their contender says; events read a clock."""

    def __init__(self):
        self.now = 0.0

    def event(self):
        return [0.0]

    def record(self, event, _):
        event[0] = self.now

    def elapsed_us(self, start, end):
        return end[0] - start[0]


class Timing(unittest.TestCase):
    def contender(self, device, name, us, copies):
        calls = []

        def launch(copy):
            calls.append(copy)
            device.now += us(len(calls))
        contender = timing.Contender(name, launch, copies)
        contender.calls = calls
        return contender

    def measure(self, capture, *contenders_of):
        import contextlib
        device = FakeDevice()

        class Backend:
            stream = None

            def current(self):
                return contextlib.nullcontext()

            def capture(self, enqueue):
                return capture(enqueue)
        contenders = [make(device) for make in contenders_of]
        results = timing.measure(Backend(), timing.Stopwatch(device, None), contenders, rounds=9, seconds=60,
                                 min_us=100)
        return contenders, results

    def test_median_of_one_launch_and_turns_through_all_copies(self):
        spikes = lambda call: 1000.0 if call % 97 == 0 else 5.0
        contenders, results = self.measure(lambda enqueue: (enqueue, lambda: None),
                                           lambda d: self.contender(d, "a", lambda _: 5.0, 3),
                                           lambda d: self.contender(d, "b", spikes, 4))
        self.assertAlmostEqual(results[0]["us"], 5.0)
        self.assertAlmostEqual(results[1]["us"], 5.0)
        self.assertGreaterEqual(results[0]["launches"] * 5.0, 90)
        self.assertEqual(contenders[0].calls[:6], [0, 1, 2, 0, 1, 2])
        self.assertEqual(results[0]["mode"], "graph")

    def capture_of(self, capturable):
        """A capture that the contenders refuse whose turn, counted from 0, is not in `capturable`."""
        self.asked, self.freed = 0, 0

        def cleanup():
            self.freed += 1

        def capture(enqueue):
            self.asked += 1
            if self.asked - 1 not in capturable:
                raise RuntimeError("operation not permitted\nand more")
            return enqueue, cleanup
        return capture

    def two(self):
        return lambda d: self.contender(d, "a", lambda _: 5.0, 2), lambda d: self.contender(d, "b", lambda _: 7.0, 2)

    def test_a_peer_without_graph_is_left_out(self):
        _, results = self.measure(self.capture_of({0}), *self.two())
        self.assertEqual((results[0]["mode"], round(results[0]["us"], 6)), ("graph", 5.0))
        self.assertEqual(results[1], {"name": "b",
                                      "unavailable": "cannot be captured in a graph: operation not permitted"})
        self.assertEqual(self.freed, 1)

    def test_no_graph_of_ours_means_none_for_anybody(self):
        _, results = self.measure(self.capture_of({1}), *self.two())
        self.assertEqual({each["mode"] for each in results}, {"stream (no graph: operation not permitted)"})
        self.assertEqual([round(each["us"], 6) for each in results], [5.0, 7.0])


# Names of WeightFormatInfo, of cache types and of ActQuant.
FORMATS = ["bf16", "e4m3", "s4", "e4m3_block", "s8", "s4_zero", "s4_e4m3", "s8a8", "bf16_24", "e4m3_24", "s8_24"]
CACHES = ["bf16", "e4m3", "s8"]
QUANTIZED = ["none", "e4m3_token", "e4m3_group128", "e4m3_static", "s8_token", "s8_static"]


class Problems(unittest.TestCase):
    """libqcc_bench.so on the simulator."""

    @classmethod
    def setUpClass(cls):
        cls.device = shim.Device(BUILD / "bin/libqcc_bench.so")

    def test_every_shape_has_a_kernel(self):
        for _, spec, _ in shapes.timed(False, False, []):
            self.assertTrue(self.device.kernels(spec).startswith("k_"), spec)

    def test_bytes_by_hand(self):
        """Each operand and result once, scales, zero points and metadata among them."""
        sizes = {
            # weights, group scales, zero points, x, y
            "gemm format=s4_zero n=64 k=128 rows=1 group=64": 64 * 128 // 2 + 2 * 64 * 2 + 2 * 64 * 2 + 256 + 128,
            # stored values, metadata, x, y
            "gemm format=bf16_24 n=64 k=128 rows=3": 64 * 64 * 2 + 64 * 64 // 4 + 3 * (256 + 128),
            "gemm format=s8_24 n=64 k=128 rows=3": 64 * 64 + 64 * 64 // 4 + 64 * 4 + 3 * (128 + 4 + 128),
            # blocks of W, four scales (two and padding) for each row of X
            "gemm format=e4m3_block n=192 k=256 rows=3": 192 * 256 + 2 * 2 * 4 + 3 * (256 + 16 + 2 * 192),
            "lm_head format=bf16 n=64 k=64 rows=2": 64 * 64 * 2 + 2 * 128 + 2 * 64 * 4,
            # q and y, K and V with a scale a row, starts (2), context, two pages
            "decode kv=s8 heads=2 kv_heads=1 dim=64 batch=1 len=128": 2 * 256 + 2 * 128 * (64 + 4) + 12 + 8,
            # qkv, angles, position and slot, q, k and v with their scales
            "rope_append kv=s8 heads=2 kv_heads=1 dim=64 rows=3": 3 * (512 + 256 + 8 + 256 + 2 * (64 + 4)),
            # x, codes, one scale for each 128 columns with padding
            "swiglu rows=2 columns=256 quantize=e4m3_group128": 2 * (1024 + 256 + 16),
            "swiglu rows=2 columns=256 quantize=s8_static": 2 * (1024 + 256) + 4,
        }
        for spec, size in sizes.items():
            with self.device.problem(spec, 0) as problem:
                self.assertEqual(problem.bytes, size, spec)

    def test_wrong_specifications(self):
        for spec, message in {
            "gem n=1": "unknown family 'gem'",
            "gemm format=s3 n=8 k=8 rows=1": "unknown format 's3'",
            "gemm format=s8 n=8 k=8 rows=1": "lacks group",
            "gemm format=s8a8 n=8 k=8 rows=1 group=0": "of this format has no group",
            "gemm format=s4_e4m3 n=8 k=64 rows=1 group=48": "group = 48 must be a positive multiple of 32",
            "decode kv=f32 heads=1 kv_heads=1 dim=64 batch=1 len=1": "unknown kv 'f32'",
            "decode kv=s8 heads=1 kv_heads=2 dim=64 batch=1 len=1": "must be a positive multiple of kvHeads",
            "swiglu rows=1 columns=8 quantize=1": "unknown quantize '1'",
            "swiglu rows=0 columns=8 quantize=none": "rows is 0",
        }.items():
            with self.assertRaisesRegex(shim.ShimError, message):
                self.device.kernels(spec)


class Tables(unittest.TestCase):
    def test_shapes_are_distinct_and_quick_is_a_part(self):
        every = shapes.timed(False, False, [])
        quick = shapes.timed(False, True, [])
        specs = [row[1] for row in every]
        self.assertEqual(len(specs), len(set(specs)))
        self.assertEqual(every[:len(quick)], quick)
        for name in [*(f"gemm {each}" for each in FORMATS), "lm_head bf16",
                     *(f"{stage} {kv}" for stage in ("prefill", "decode") for kv in CACHES),
                     "normalize", "swiglu", "rope_append"]:
            self.assertTrue(any(row[0] == name for row in quick), name)

    def test_a_class_is_its_specification(self):
        for row in shapes.timed(False, False, []) + shapes.DRY:
            family, values = peers.parse(row[1])
            kind = values.get("format") or values.get("kv") if family != "rope_append" else None
            self.assertEqual(row[0], f"{family} {kind}" if kind else family)

    def test_a_dry_run_has_everything(self):
        values = [item for row in shapes.DRY for item in row[1].split()]
        for key, names in (("format", FORMATS), ("kv", CACHES), ("quantize", QUANTIZED)):
            for name in names:
                self.assertIn(f"{key}={name}", values)
        self.assertEqual({row[1].split()[0] for row in shapes.DRY},
                         {row[1].split()[0] for row in shapes.timed(False, False, [])})

    def test_a_weight_beyond_2_to_the_31_bytes_is_timed(self):
        self.assertTrue(any(2 * values["n"] * values["k"] > 1 << 31
                            for _, spec, _ in shapes.timed(False, True, [])
                            for family, values in [peers.parse(spec)]
                            if family == "lm_head" and values["format"] == "bf16"))

    def test_every_product_has_peers(self):
        """Their calls are PyTorch's; here only their making."""
        for _, spec, _ in shapes.timed(False, False, []):
            if spec.startswith(("gemm", "lm_head")):
                for _, make in peers.of(unittest.mock.MagicMock(), spec, copies=2):
                    make()(1)

    def test_an_unknown_format_has_no_peers(self):
        with self.assertRaisesRegex(ValueError, "format s3"):
            peers.of(unittest.mock.MagicMock(), "gemm format=s3 n=8 k=8 rows=1", copies=2)

    def test_ratio_is_of_the_best_peer(self):
        timings = [{"class": "c", "peers": [{"ratio": 4.0}, {"ratio": 2.0}, {"unavailable": "x"}]},
                   {"class": "c", "peers": [{"ratio": 0.5}]}, {"class": "d", "peers": [{"unavailable": "x"}]}]
        self.assertEqual(report.ratios(timings), {"c": {"ratio": 1.0, "shapes": 2}})

    def test_each_weight_format_has_a_line(self):
        names = ["gemm s4 n=1 k=8", "gemm s4_zero n=1 k=8", "rope_append_int8", "rope_append_fp8"]
        lines = list(report._kernel_lines([{"name": name, "status": "verified", "worst": 0.5} for name in names]))
        self.assertEqual([line.split("  ")[1].strip() for line in lines], ["gemm s4", "gemm s4_zero", "rope"])
        self.assertIn("2 verified", lines[2])

    def test_only_hardware_verifies(self):
        self.assertEqual([checks.status(True, True), checks.status(True, False), checks.status(False, True)],
                         ["verified", "checked", "failed"])

    def test_specifications_are_read_as_the_library_reads_them(self):
        self.assertEqual(peers.parse("gemm format=s4 n=64 group=128"),
                         ("gemm", {"format": "s4", "n": 64, "group": 128}))


if __name__ == "__main__":
    unittest.main()
