"""Correctness: every kernel case (kernel-check), and carried engines against carried logits."""

import gzip
import json
import re
import subprocess
import sys
import tempfile
import zlib
from pathlib import Path

_LINE = re.compile(r"^(pass|FAIL) (.*?): error (\S+) of its bound \((.*?)\)(?:: (.*))?$")
# What bench/driver/carry.py writes for a case.
_CASE_KEYS = {"name", "engine", "tokens", "max_new", "logits", "first_row", "max_error", "rms_error"}
_SKIP = re.compile(r"^skip (.*?): (.*)$")


def status(passed, on_gpu):
    """A kernel is verified only after a run on hardware; a simulator's word is that it was checked."""
    return "failed" if not passed else "verified" if on_gpu else "checked"


def _parse(output, on_gpu):
    for line in output.splitlines():
        if match := _LINE.match(line):
            outcome, name, worst, reason, message = match.groups()
            yield {"name": name, "status": status(outcome == "pass", on_gpu), "worst": float(worst),
                   "reason": reason, "message": message or ""}
        elif match := _SKIP.match(line):
            yield {"name": match[1], "status": "skipped", "worst": 0.0, "reason": match[2], "message": ""}


def kernels(program, on_gpu, processes, every, seconds):
    """Results of all cases (of each `every`-th), shared among processes: compiling takes longer than running."""
    stride = processes * every
    started = [subprocess.Popen([program, "--every", str(stride), "--offset", str(index * every)],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
               for index in range(processes)]
    results = []
    for index, process in enumerate(started):
        try:
            output, _ = process.communicate(timeout=seconds)
            ending = f"exit code {process.returncode}"
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
            ending = f"stopped after {seconds} s"
        found = list(_parse(output, on_gpu))
        results += found
        # A crash, or an error before or between cases, must not pass for "no failures".
        complete = re.search(r"^\d+ passed, \d+ failed$", output, re.MULTILINE)
        if not complete or (process.returncode != 0 and not any(r["status"] == "failed" for r in found)):
            last = output.strip().splitlines()[-1] if output.strip() else "no output"
            results.append({"name": f"kernel-check, process {index}", "status": "failed", "worst": 0.0,
                            "reason": "the program itself", "message": f"{ending}: {last}"})
    return results


def _engine_case(root, bin_dir, carry, case, simulator):
    with tempfile.TemporaryDirectory() as folder:
        actual, engine = Path(folder) / "logits.npy", Path(folder) / "engine.qengine"
        try:
            engine.write_bytes(gzip.decompress((carry / case["engine"]).read_bytes()))
        except (OSError, EOFError, zlib.error) as error:
            return f"{carry / case['engine']} cannot be read: {error}; make it again with bench/carry.sh", {}
        command = [bin_dir / "qcc-run", engine, "--device", "sim" if simulator else "gpu",
                   "--tokens", case["tokens"], "--max-new", str(case["max_new"]), "--ignore-eos", "--logits", actual]
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
        if done.returncode != 0:
            return f"qcc-run: exit code {done.returncode}: {done.stderr.strip()}", {}
        rows = len(case["tokens"].split(","))
        done = subprocess.run([sys.executable, "-B", str(root / "test/tools/compare_logits.py"),
                               str(carry / case["logits"]), str(actual), "--json", "--greedy", "--generated-from",
                               str(rows - 1), "--max-error", str(case["max_error"]),
                               "--rms-error", str(case["rms_error"]), "--first-row", str(case["first_row"]),
                               "--tie-error", str(case["max_error"])],
                              capture_output=True, text=True)
        measures = json.loads(done.stdout) if done.stdout.startswith("{") else {}
        return (done.stderr.strip() if done.returncode != 0 else ""), measures


def engines(root, bin_dir, carry, simulator):
    """Results of every carried case; one failure that names what to carry if there is none."""
    index = carry / "carry.json"
    if not index.is_file():
        return [{"name": "engines", "status": "failed", "reason": "carried engines of the small model",
                 "message": f"not carried: {index} is missing; make it with bench/carry.sh where the compiler is, "
                            "or give --no-engine"}]
    results = []
    for case in json.loads(index.read_text(encoding="utf-8"))["cases"]:
        if missing := _CASE_KEYS - case.keys():
            message = f"{index} lacks {', '.join(sorted(missing))}; make it again with bench/carry.sh"
            results.append({"name": case.get("name", "engines"), "status": "failed", "reason": "carried engines",
                            "message": message})
            continue
        message, measures = _engine_case(root, bin_dir, carry, case, simulator)
        results.append({"name": case["name"], "status": status(not message, not simulator), "message": message,
                        "reason": "logits of the interpreter", "measures": measures})
    return results
