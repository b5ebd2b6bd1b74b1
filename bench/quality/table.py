#!/usr/bin/env python3
"""The quality table in markdown: every reference and every run of ours, and the goals' ratios. Needs numpy only.

    table.py WORK [--models small,outlier] > bench/results/quality.md

Figures are medians over the calibration seeds that are there, with the smallest and largest beside them. The
95 % interval of a mean KL is from 2000 block bootstraps of seed 0, a block being one held-out window.
"""

import argparse
import glob
import json
import os

import numpy as np

SEEDS = (0, 1, 2)
# (what, labels of ours, labels of the references, limit): the smallest of each side is taken, seed by seed.
W4 = ("w4-gptq", "w4-awq+gptq")
GRADIENT_FREE = ("w4-rtn", "w4-rtn-imatrix", "w4-awq", "w4-gptq", "w4-gptq-static", "w4-gptq-imatrix")
DATA_FREE = ("w4-rtn", "w3-rtn", "fp8-dynamic", "int8-rtn")
GOALS = [
    ("W4 g128, GPTQ", W4, ("w4-gptq",), 0.63),
    ("W4 g128, GPTQ with its default order", W4, ("w4-gptq-static",), None),
    ("W4 g128, best gradient-free", W4, GRADIENT_FREE, 0.72),
    ("W4 g128, AutoRound with 200 iterations", W4, ("w4-autoround",), 0.84),
    ("W3 g128, GPTQ", ("w3-gptq",), ("w3-gptq",), 0.52),
    ("W3 g128, GPTQ with its default order", ("w3-gptq",), ("w3-gptq-static",), None),
    ("FP8 W8A8, FP8_DYNAMIC", ("fp8-gptq",), ("fp8-dynamic",), 0.76),
    ("INT8 W8A8, best SmoothQuant", ("int8-gptq", "int8-smoothquant+gptq"),
     tuple(f"int8-smooth-{alpha}" for alpha in (0.3, 0.5, 0.7, 0.85)), 0.95),
    ("INT8 W8A8, round to nearest", ("int8-gptq", "int8-smoothquant+gptq"), ("int8-rtn",), None),
    ("2:4, SparseGPT", ("2:4-refit",), ("sparsegpt",), 0.58),
    ("2:4, Wanda", ("2:4-refit",), ("wanda",), None),
    ("INT8 K/V, one scale per tensor", ("kv-int8",), ("kv-int8-tensor",), 0.80),
    ("FP8 K/V, one scale per tensor", ("kv-fp8",), ("kv-fp8-tensor",), 1.00),
]


def read(path):
    with open(path) as file:
        return json.load(file)


def runs(work, model):
    """({label: {seed: figures}} of the references, the same of ours)."""
    references, ours = {}, {}
    for seed in SEEDS:
        folder = os.path.join(work, "results", model, f"seed{seed}")
        for path in sorted(glob.glob(os.path.join(folder, "*", "summary.json"))):
            run = os.path.dirname(path)
            figures = read(path) | read(os.path.join(run, "result.json"))
            references.setdefault(os.path.basename(run), {})[seed] = figures | {"folder": run}
        for path in sorted(glob.glob(os.path.join(folder, "ours", "*.json"))):
            ours.setdefault(os.path.basename(path)[:-5], {})[seed] = read(path)
    return references, ours


def bootstrap(run, draws=2000):
    """95 % interval of the mean KL by drawing windows with replacement."""
    means = np.load(os.path.join(run, "tokens.npz"))["kl"].mean(axis=1)
    picks = np.random.default_rng(0).integers(0, len(means), (draws, len(means)))
    return np.percentile(means[picks].mean(axis=1), [2.5, 97.5])


def spread(values, digits):
    """median (smallest ... largest) of a list."""
    text = f"{np.median(values):.{digits}f}"
    return text if len(values) == 1 else f"{text} ({min(values):.{digits}f} … {max(values):.{digits}f})"


def row(label, by_seed):
    every = [by_seed[seed] for seed in sorted(by_seed)]

    def pick(scale, *path):
        values = []
        for figures in every:
            for key in path:
                figures = figures.get(key) if isinstance(figures, dict) else None
            if figures is not None:
                values.append(figures * scale)
        return values
    first = by_seed.get(0)
    interval = ""
    if first and "folder" in first:
        interval = " … ".join(f"{1e3 * end:.3f}" for end in bootstrap(first["folder"]))
    elif first and "mean_ci95" in first["kl"]:
        interval = " … ".join(f"{1e3 * end:.3f}" for end in first["kl"]["mean_ci95"])
    rise = [1e3 * (f["nll"]["quantized"] - f["nll"]["float"]) for f in every]
    cells = [label, spread(pick(1e3, "kl", "mean"), 3), interval,
             spread(pick(1e3, "kl", "median"), 3) if pick(1, "kl", "median") else "",
             spread(pick(1e3, "kl", "p99"), 2), spread(rise, 2),
             spread(pick(100, "top1"), 2) if pick(1, "top1") else "",
             f"{every[0]['bits_per_weight']:.3f}" if "bits_per_weight" in every[0] else "",
             f"{np.median(pick(1, 'seconds')):.0f}", str(len(every))]
    return "| " + " | ".join(cells) + " |"


def figures_table(title, table):
    lines = [f"**{title}**", "",
             "| run | mean KL ×1e3 | 95 % interval, seed 0 | median KL ×1e3 | p99 KL ×1e3 | ΔNLL ×1e3 | same top-1 % |"
             " bits per weight | s | seeds |", "|---|---|---|---|---|---|---|---|---|---|"]
    return lines + [row(label, table[label]) for label in sorted(table)] + [""]


def best(table, labels, seed):
    """(mean KL, label) of the smallest at a seed; what uses no calibration data stands under seed 0 alone."""
    found = []
    for label in labels:
        by_seed = table.get(label, {})
        figures = by_seed.get(seed) or (by_seed.get(0) if label in DATA_FREE else None)
        if figures:
            found.append((figures["kl"]["mean"], label))
    return min(found, default=None)


def goals_table(references, ours):
    lines = ["| goal | ours | reference | ratio of mean KL | goal ≤ | met |", "|---|---|---|---|---|---|"]
    for what, our_labels, reference_labels, limit in GOALS:
        pairs = [(best(ours, our_labels, seed), best(references, reference_labels, seed)) for seed in SEEDS]
        pairs = [pair for pair in pairs if pair[0] and pair[1]]
        if not pairs:
            continue
        ratios = [our[0] / reference[0] for our, reference in pairs]
        met = "" if limit is None else "yes" if np.median(ratios) <= limit else "**no**"
        names = [", ".join(sorted({side[1] for side in sides})) for sides in zip(*pairs)]
        lines.append(f"| {what} | {names[0]} | {names[1]} | {spread(ratios, 3)} | "
                     f"{'' if limit is None else f'{limit:.2f}'} | {met} |")
    return lines + [""] if len(lines) > 2 else []


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("work")
    parser.add_argument("--models", default="small,outlier")
    arguments = parser.parse_args()
    tools = set()
    for model in arguments.models.split(","):
        references, ours = runs(arguments.work, model)
        if not references and not ours:
            continue
        print(f"## Model: {model}\n")
        print("\n".join(goals_table(references, ours)))
        if ours:
            print("\n".join(figures_table("qcc", ours)))
        if references:
            print("\n".join(figures_table("References", references)))
        tools |= {figures["tool"] for by_seed in references.values() for figures in by_seed.values()}
    print("References: " + "; ".join(sorted(tools)) + ".")


if __name__ == "__main__":
    main()
