#!/usr/bin/env python3
"""Checks and times kernels; bench/gpu.sh builds them first and calls this. See bench/README.md."""

import argparse
import contextlib
import datetime
import os
import re
import sys
import time
from pathlib import Path

import checks
import machine
import peers
import report
import shapes
import shim
import timing

ROOT = Path(__file__).resolve().parents[2]
COMPILED_AT_ONCE = 64  # shapes; compiling one kernel takes longer than timing it
COPY_BYTES = 2 << 30  # of the copy that is the memory's ceiling: far beyond the L2 cache


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, required=True, help="folder of kernel-check, qcc-run and libqcc_bench.so")
    parser.add_argument("--out", type=Path, default=ROOT / "bench/results")
    parser.add_argument("--carry", type=Path, default=ROOT / "bench/carry")
    parser.add_argument("--dry", action="store_true")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-engine", action="store_true")
    parser.add_argument("--no-check", action="store_true")
    parser.add_argument("--seconds", type=float, default=420, help="no timing starts after this long")
    parser.add_argument("--every", type=int, default=0, help="check each N-th kernel case (default: all; dry: 9)")
    parser.add_argument("--class", dest="classes", action="append", default=[], 
                        help="time only classes with this beginning")
    parser.add_argument("--error", action="append", default=[], 
                        help="report this failure of an earlier step and do nothing else")
    return parser.parse_args(arguments)


class Run:
    def __init__(self, options):
        self.options = options
        self.began = time.monotonic()
        self.result = {"format": 1, "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
                       "dry": options.dry, "quick": options.quick, "commit": machine.revision(ROOT),
                       "machine": machine.facts(), "device": {}, "ceilings": {}, "kernels": [], "engines": [],
                       "timings": [], "ratios": {}, "notes": [], "errors": list(options.error)}
        self.clocks = machine.Clocks()
        self.base = None

    def elapsed(self):
        return time.monotonic() - self.began

    def save(self):
        if self.base is None:
            device = self.result["device"].get("name", "no-gpu").lower()
            name = "dry" if self.options.dry else re.sub(r"[^a-z0-9]+", "-", device)
            self.options.out.mkdir(parents=True, exist_ok=True)
            self.base = self.options.out / f"{self.result['date'][:10]}-{name.removeprefix('nvidia-').strip('-')}"
        self.result["ratios"] = report.ratios(self.result["timings"])
        report.write(self.result, self.base)

    def open_device(self):
        self.device = shim.Device(self.options.bin / "libqcc_bench.so")
        self.result["device"] = self.device.facts
        if self.device.facts["simulator"] != self.options.dry:
            wanted = "a dry run is for the simulator" if self.options.dry else "only --dry may use the simulator"
            raise shim.ShimError(f"{self.device.facts['name']}: {wanted}; see QCC_LIBCUDA")

    def open_backend(self):
        self.torch = None
        if self.options.dry:
            self.result["notes"].append("peers: a dry run has none; a copy stands in for one, so that the code is run")
            self.backend = timing.BareBackend(self.device)
        else:
            try:
                import torch
                if not torch.cuda.is_available():
                    raise RuntimeError("torch.cuda.is_available() is false")
                self.torch = torch
                self.result["machine"]["torch"] = torch.__version__
                self.backend = timing.TorchBackend(torch)
            except Exception as error:  # an unusable PyTorch must not cost qcc's own figures
                self.result["errors"].append(f"peers: PyTorch cannot be used: {error}")
                self.backend = timing.BareBackend(self.device)
        self.watch = timing.Stopwatch(self.device, self.backend.stream)

    def measure(self, contenders):
        short = self.options.dry
        return timing.measure(self.backend, self.watch, contenders, rounds=2 if short else 30,
                              seconds=0.4 * len(contenders), min_us=0 if short else timing.MIN_US)

    def measure_ceilings(self):
        count = (1 << 16) if self.options.dry else COPY_BYTES
        copy = timing.Contender("copy", lambda _: self.device.copy(count, self.backend.stream), 1)
        self.device.copy(count, self.backend.stream)  # allocates, which a capture must not see
        self.device.synchronize()
        [found] = self.measure([copy])
        self.copy_rate = 2 * count / found["us"] * 1e-3
        self.result["ceilings"]["copy, read and written, GB/s"] = round(self.copy_rate, 1)
        if self.torch:
            size = 8192
            with self.backend.current():
                a, b = (self.torch.randn(size, size, dtype=self.torch.bfloat16, device="cuda") for _ in range(2))
                y = self.torch.empty_like(a)
            product = timing.Contender("product", lambda _: self.torch.mm(a, b, out=y), 1)
            [found] = self.measure([product])
            self.result["ceilings"]["torch.mm bf16 8192^3, TFLOP/s"] = round(2 * size ** 3 / found["us"] * 1e-6, 1)

    def peers_of(self, spec, problem):
        """Contenders, and entries for those that cannot be had."""
        if self.options.dry:
            copy = timing.Contender("stand-in (a copy)", lambda _: self.device.copy(1 << 16, self.backend.stream), 1)
            return [copy], []
        if self.torch is None:
            return [], [{"name": "PyTorch", "unavailable": "cannot be used, see failures"}]
        contenders, missing = [], []
        for name, make in peers.of(self.torch, spec, problem.copies, compiled=not self.options.quick):
            try:
                launch = make()
                launch(0)
                self.torch.cuda.synchronize()
                contenders.append(timing.Contender(name, launch, problem.copies))
            except Exception as error:  # PyTorch's refusals have many types; each is reported
                missing.append({"name": name, "unavailable": f"{type(error).__name__}: {timing.reason(error)}"})
        return contenders, missing

    def time_one(self, name, spec, origin):
        entry = {"class": name, "spec": spec, "origin": origin, "status": "failed", "message": ""}
        self.result["timings"].append(entry)
        rotate = 0 if self.options.dry else 4 * self.device.facts["l2_bytes"]
        try:
            with self.device.problem(spec, rotate) as problem:
                entry.update(kernels=problem.kernels, bytes=problem.bytes, flops=problem.flops, copies=problem.copies)
                wrong = problem.verify()
                if wrong:
                    entry["message"] = "wrong result: " + wrong
                    return
                with self.backend.current():
                    others, missing = self.peers_of(spec, problem)
                ours = timing.Contender("qcc", lambda copy: problem.launch(copy, self.backend.stream), problem.copies)
                before = self.clocks.read()
                found = self.measure([ours] + others)
                entry["clocks"] = {"before": before, "after": self.clocks.read()}
        except shim.ShimError as error:
            entry["message"] = str(error)
            return
        finally:
            if self.torch:
                self.torch.cuda.empty_cache()
        us = found[0]["us"]
        for peer in found[1:]:
            if "us" in peer:
                peer["ratio"] = peer["us"] / us
        rate = entry["bytes"] / us * 1e-3
        entry.update(status=checks.status(True, not self.options.dry), qcc=found[0], peers=found[1:] + missing,
                     gb_per_s=rate, tflop_per_s=entry["flops"] / us * 1e-6, copy_fraction=rate / self.copy_rate)

    def compile(self, specs):
        try:
            self.device.compile(specs)
        except shim.ShimError as error:  # the shape that needs the kernel will fail too, and count
            self.result["notes"].append(f"compiling ahead: {error}")
        print(f"[{self.elapsed():5.0f} s] compiled the kernels of {len(specs)} shapes", flush=True)

    def time_all(self):
        rows = shapes.timed(self.options.dry, self.options.quick, self.options.classes)
        if not rows:
            self.result["errors"].append(f"nothing to time: no class begins with {' or '.join(self.options.classes)}")
        for index, (name, spec, origin) in enumerate(rows):
            if index % COMPILED_AT_ONCE == 0 and self.elapsed() <= self.options.seconds:
                self.compile([row[1] for row in rows[index:index + COMPILED_AT_ONCE]])
            reason = None
            if self.elapsed() > self.options.seconds:
                reason = f"{self.options.seconds:g} s were over (--seconds)"
            elif self.device.facts["target"] < 89 and shapes.multiplies_e4m3(spec):
                reason = "e4m3 products start at sm_89"
            if reason:
                self.result["timings"].append({"class": name, "spec": spec, "origin": origin, "status": "not timed",
                                               "message": reason})
                continue
            self.time_one(name, spec, origin)
            last = self.result["timings"][-1]
            print(f"[{self.elapsed():5.0f} s] {spec}: {last['status']} {last['message']}", flush=True)
            if len(self.result["timings"]) % 10 == 0:
                self.save()

    def check(self):
        processes = min(8, max(1, (os.cpu_count() or 2) // 2)) if not self.options.dry else 2
        every = self.options.every or (9 if self.options.dry else 1)
        if self.options.no_check:
            self.result["notes"].append("kernel cases: left out by --no-check")
        else:
            self.result["kernels"] = checks.kernels(self.options.bin / "kernel-check", not self.options.dry, processes,
                                                    every, seconds=400)
            print(f"[{self.elapsed():5.0f} s] {len(self.result['kernels'])} kernel cases", flush=True)
            self.save()
        if self.options.no_engine:
            self.result["notes"].append("engines: left out by --no-engine")
        else:
            self.result["engines"] = checks.engines(ROOT, self.options.bin, self.options.carry, self.options.dry)
            print(f"[{self.elapsed():5.0f} s] {len(self.result['engines'])} engine cases", flush=True)
            self.save()

    def run(self):
        if not self.result["errors"]:
            try:
                self.open_device()
                self.check()
                self.open_backend()
                self.measure_ceilings()
                self.time_all()
            except shim.ShimError as error:
                self.result["errors"].append(str(error))
        self.save()
        print(report.text(self.result))
        print(f"report: {self.base}.txt and .json")
        return 1 if report.failures(self.result) else 0


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        sys.exit(Run(parse(sys.argv[1:])).run())
    sys.exit(130)
