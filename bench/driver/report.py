"""The report: one JSON file that holds everything and one text file made from it."""

import json
import math
import os
from collections import Counter


def write(result, base):
    """BASE.json and BASE.txt, each replaced at once: a run that is killed leaves the last complete ones."""
    for suffix, content in ((".json", json.dumps(result, indent=1) + "\n"), (".txt", text(result))):
        temporary = base.with_name(base.name + suffix + ".tmp")
        temporary.write_text(content, encoding="utf-8")
        os.replace(temporary, base.with_name(base.name + suffix))


def failures(result):
    """Everything that makes the run fail, as lines."""
    lines = list(result["errors"])
    for part in ("kernels", "engines"):
        lines += [f"{each['name']}: {each['message']}" for each in result[part] if each["status"] == "failed"]
    lines += [f"{each['spec']}: {each['message']}" for each in result["timings"] if each["status"] == "failed"]
    return lines


def _header(result):
    yield f"qcc kernel report, {result['date']}" + (", DRY RUN" if result["dry"] else "")
    if result["dry"]:
        yield "Ran on the simulator: times are the simulator's own and say NOTHING about any GPU."
    yield f"commit: {result['commit'] or 'unknown'}"
    for name, value in {**result["machine"], **result["device"]}.items():
        yield f"{name}: {value}"
    for name, value in result["ceilings"].items():
        yield f"ceiling, {name}: {value}"


def _kernel_lines(cases):
    families = {}
    for case in cases:
        words = case["name"].split()  # "gemm s4_zero n=64 …", "normalize_1x256"
        key = " ".join(words[:2]) if words[0] == "gemm" else words[0].split("_")[0]
        families.setdefault(key, []).append(case)
    for family, members in families.items():
        counts = Counter(case["status"] for case in members)
        worst = max(case["worst"] for case in members)
        outcomes = ", ".join(f"{count} {name}" for name, count in counts.items())
        yield f"  {family:20} {outcomes}; worst error {worst:.3f} of its bound"


def _timing_lines(timings):
    for each in timings:
        line = f"  {each['spec']}  [{each['origin']}]: {each['status']}"
        if each["status"] in ("failed", "not timed"):
            yield line + f": {each['message']}"
            continue
        qcc = each["qcc"]
        yield (line + f", {qcc['us']:.2f} us ({qcc['min_us']:.2f} to {qcc['max_us']:.2f}, {qcc['mode']}), "
               f"{each['gb_per_s']:.0f} GB/s"
               + (f" = {each['copy_fraction']:.2f} of copy" if each["copy_fraction"] else "")
               + f", {each['tflop_per_s']:.2f} TFLOP/s")
        for peer in each["peers"]:
            yield f"      {peer['name']}: " + (f"{peer['us']:.2f} us, ratio {peer['ratio']:.2f}" if "us" in peer
                                              else f"not timed: {peer['unavailable']}")


def ratios(timings):
    """{class: geometric mean over its shapes of (best peer's time / qcc's)}; above 1 qcc is faster."""
    logs = {}
    for each in timings:
        best = min((peer["ratio"] for peer in each.get("peers", []) if "ratio" in peer), default=None)
        if best:
            logs.setdefault(each["class"], []).append(math.log(best))
    return {name: {"ratio": math.exp(sum(values) / len(values)), "shapes": len(values)}
            for name, values in logs.items()}


def text(result):
    lines = list(_header(result))
    lines += ["", "kernels against double precision:"] + list(_kernel_lines(result["kernels"]))
    lines += ["", "engines of the small model against the interpreter's logits:"]
    for each in result["engines"]:
        shown = ", ".join(f"{k} {v:.2e}" for k, v in each.get("measures", {}).items() if isinstance(v, float))
        lines.append(f"  {each['name']}: {each['status']} {each['message']}{shown}")
    warning = " (MEANINGLESS: simulator)" if result["dry"] else ""
    lines += ["", f"times{warning}: median of one launch; ratio = peer / qcc"]
    lines += list(_timing_lines(result["timings"]))
    for note in result["notes"]:
        lines.append(f"note: {note}")
    if result["ratios"]:
        lines += ["", f"best peer's time / qcc's, geometric mean{warning}:"]
        lines += [f"  {name:16} {each['ratio']:.3f} over {each['shapes']} shapes"
                  for name, each in result["ratios"].items()]
    found = failures(result)
    lines += ["", f"{len(found)} failures" if found else "no failures"] + [f"  {line}" for line in found]
    return "\n".join(lines) + "\n"
