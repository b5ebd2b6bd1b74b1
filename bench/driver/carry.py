"""Engines of the small model for a machine without the compiler, the interpreter's logits and the limits.

bench/carry.sh calls this. The limits are those of docs/testing.md, the one table.
"""

import argparse
import gzip
import json
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/e2e"))
import harness  # noqa: E402
from harness import Recipe  # noqa: E402

# Recipe, tokens of the prompt, tokens to generate: every stored format and type of K/V. The engines travel, so
# there are no more of them. 300 tokens are several pages.
CASES = [
    (Recipe("none"), 64, 32),
    (Recipe("fp8"), 64, 32),
    (Recipe("fp8", kv="fp8"), 64, 32),
    (Recipe("fp8_block"), 64, 32),
    (Recipe("w4a16"), 64, 32),
    (Recipe("w4a16"), 300, 8),
    (Recipe("w4a16", kv="fp8"), 64, 32),
    (Recipe("w4a16_asym"), 64, 32),
    (Recipe("w4afp8"), 64, 32),
    (Recipe("w8a8", kv="int8"), 64, 32),
    (Recipe("w8a8", kv="int8"), 300, 8),
    (Recipe("none", sparse=True), 64, 32),
    (Recipe("fp8", sparse=True), 64, 32),
    (Recipe("w8a8", sparse=True), 19, 3),  # its limits are those of formats_test.py's prompts
    (Recipe("w8a16"), 64, 32),
    (Recipe("w8a8", static=True, calib_tokens=4096, more=("--method", "rtn")), 64, 32),
]
SMALL_CASES = [(Recipe("fp8"), 7, 2)]


def limits(recipe):
    """The table's row for a recipe, as carry.json holds it."""
    row = harness.tolerances().get(("small", recipe.format(), recipe.kv))
    if row is None:
        raise SystemExit(f"carry.sh: {harness.TOLERANCES} has no limits for small, {recipe.format()}, K/V {recipe.kv}; "
                         "add a row")
    return {"first_row": row.first_row, "max_error": row.max_error, "rms_error": row.rms_error}


def run(*command):
    done = subprocess.run([str(word) for word in command], stdout=subprocess.DEVNULL, check=False)
    if done.returncode != 0:
        raise SystemExit(f"carry.sh: {Path(command[0]).name} ended with exit code {done.returncode}")


def make(recipe, length, generated, bin_dir, out, work):
    """Engine (unless an earlier case made it) and logits of a case; its entry in carry.json."""
    stem = f"{recipe.format()}-{recipe.kv}".replace(" ", "-").replace(":", "")
    engine, logits, plain = f"{stem}.qengine.gz", f"{stem}-{length}.npy", work / f"{stem}.qengine"
    tokens = harness.listed(harness.heldout(length))
    print(f"carry.sh: {engine}, {length} tokens", file=sys.stderr, flush=True)
    entry = {"name": f"{recipe}, prompt of {length}, {generated} generated", "engine": engine, "tokens": tokens,
             "max_new": generated, "logits": logits, **limits(recipe)}
    flags = recipe.flags()
    if recipe.calib_tokens:  # the interpreter takes the compiler's weights
        flags += ["--work-dir", work / f"{stem}.weights"]
    if not plain.exists():
        run(bin_dir / "qcc", harness.SMALL, "--target", "sm_90", *flags, "--quiet", "-o", plain)
        (out / engine).write_bytes(gzip.compress(plain.read_bytes(), mtime=0))
    run(bin_dir / "qcc-eval", harness.SMALL, *flags, "--f64", "--tokens", tokens, "--max-new", generated,
        "--ignore-eos", "--logits", out / logits)
    return entry


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bin", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--small", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as work:
        cases = SMALL_CASES if options.small else CASES
        entries = [make(*case, options.bin, options.out, Path(work)) for case in cases]
    (options.out / "carry.json").write_text(json.dumps({"cases": entries}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
