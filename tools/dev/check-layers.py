#!/usr/bin/env python3
"""Checks that includes point downward only, as docs/architecture.md says, and that no file outgrows its budget.

A layer may include itself and the layers named beside it. runtime/ and simulator/ see nothing of the compiler; the compiler sees of the
runtime only its file format. Exits 1 and names file, line and include for each breach.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]

ALLOWED = {
    "Support": set(),
    "Quant": {"Support"},
    "Dialect": {"Support", "Quant"},
    "Import": {"Dialect", "Quant", "Support"},
    "Interpreter": {"Dialect", "Quant", "Support"},
    "Calibration": {"Import", "Interpreter", "Dialect", "Quant", "Support"},
    "CodeGen": {"Quant", "Support"},
    "Transforms": {"Calibration", "CodeGen", "Import", "Interpreter", "Dialect", "Quant", "Support"},
    "Engine": {"Transforms", "Calibration", "CodeGen", "Import", "Interpreter", "Dialect", "Quant", "Support"},
}
NO_MLIR = {"Support", "Quant", "CodeGen"}
# What a compiler layer may see of the runtime: the file format, shared through runtime/.
FORMAT_USERS = {"Engine", "CodeGen", "Support"}
LINE_BUDGET = 600
# Tools that a GPU machine runs: they build with the runtime alone.
RUNTIME_TOOLS = {"qcc-run", "qcc-inspect"}
# Made by scripts, never committed.
GENERATED = {ROOT / "bench" / "carry"}

INCLUDE = re.compile(r'^\s*#\s*include\s+[<"]([^>"]+)[>"]')
SOURCES = {".h", ".cpp", ".c", ".cuh", ".cu", ".td", ".py"}


def layer_of(path):
    parts = path.relative_to(ROOT).parts
    if parts[0] == "lib":
        return parts[1]
    if parts[:2] == ("include", "qcc"):
        return parts[2]
    return None


def breaches(path, text):
    parts = path.relative_to(ROOT).parts
    layer, top = layer_of(path), parts[0]
    stands_alone = top in ("runtime", "simulator") or (top == "tools" and parts[1] in RUNTIME_TOOLS)
    for number, line in enumerate(text.splitlines(), 1):
        match = INCLUDE.match(line)
        if not match:
            continue
        target = match.group(1)
        if target.startswith("qcc/"):
            used = target.split("/")[1]
            if stands_alone:
                yield number, f"{'/'.join(parts[:2])} must build without the compiler, includes {target}"
            elif layer and used != layer and used in ALLOWED and used not in ALLOWED[layer]:
                yield number, f"{layer} must not include {target}; it may include {', '.join(sorted(ALLOWED[layer])) or 'nothing else'}"
        elif target.startswith(("mlir/", "llvm/")):
            if stands_alone or layer in NO_MLIR:
                yield number, f"{layer or top} must build without MLIR, includes {target}"
        elif target.startswith("qccrt/") and layer and layer not in FORMAT_USERS:
            yield number, f"{layer} must not see the runtime, includes {target}"
        elif target.startswith("qccsim/") and top != "simulator":
            yield number, f"nothing depends on the simulator, includes {target}"


def main():
    failures = 0
    for top in ("include", "lib", "tools", "runtime", "simulator", "test", "bench"):
        for path in sorted((ROOT / top).rglob("*")):
            if path.suffix not in SOURCES or not path.is_file() or GENERATED & set(path.parents):
                continue
            text = path.read_text(encoding="utf-8")
            for number, message in breaches(path, text):
                failures += 1
                print(f"{path.relative_to(ROOT)}:{number}: {message}")
            lines = text.count("\n")
            if lines > LINE_BUDGET:
                failures += 1
                print(f"{path.relative_to(ROOT)}: {lines} lines, the budget is {LINE_BUDGET}; split it by idea")
    if failures:
        print(f"check-layers: {failures} findings")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
