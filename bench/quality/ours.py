#!/usr/bin/env python3
"""Runs qcc-eval with every line of ours.json on the same models, calibration tokens and windows as the references.

Finished runs are skipped; --again repeats those whose label begins with one of the given ones.

    ours.py WORK --bin build/bin [--models small,outlier] [--seeds 0,1,2] [--only LABEL,...] [--again LABEL,...]

It leaves WORK/results/MODEL/seedN/ours/LABEL.json: qcc-eval's object, and the flags and seconds it took.
"""

import argparse
import json
import os
import shlex
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))


def evaluate(program, model, flags, work):
    """qcc-eval's object for one set of flags; a failure raises with the program's message."""
    command = [program, model] + shlex.split(flags) + ["--tokens-file", f"{work}/data/heldout.npy", "--window", "512",
                                                       "--json"]
    start = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{shlex.join(command)}\nexited with {done.returncode}: {done.stderr.strip()[-2000:]}")
    figures = json.loads(done.stdout)
    for part in (("kl", "mean"), ("kl", "p99"), ("nll", "float"), ("nll", "quantized")):
        if not isinstance(figures.get(part[0], {}).get(part[1]), (int, float)):
            raise RuntimeError(f"{shlex.join(command)}\nprinted no {'.'.join(part)}: {done.stdout[:500]}")
    return figures | {"flags": flags, "seconds": round(time.monotonic() - start, 1)}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("work")
    parser.add_argument("--bin", required=True, help="folder of qcc-eval")
    parser.add_argument("--models", default="small,outlier")
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument("--only", default="", help="labels to run; default: all")
    parser.add_argument("--again", default="", help="beginnings of labels to run anew")
    arguments = parser.parse_args()
    only, again = (tuple(filter(None, text.split(","))) for text in (arguments.only, arguments.again))
    with open(os.path.join(HERE, "ours.json")) as file:
        table = [line for line in json.load(file) if not only or line["label"] in only]
    failed = False
    for seed in arguments.seeds.split(","):
        for model in arguments.models.split(","):
            folder = os.path.join(arguments.work, "results", model, f"seed{seed}", "ours")
            os.makedirs(folder, exist_ok=True)
            for line in table:
                path = os.path.join(folder, line["label"] + ".json")
                if os.path.exists(path) and not (again and line["label"].startswith(again)):
                    continue
                calibration = os.path.join(arguments.work, "data", f"calib-seed{seed}.npy")
                try:
                    figures = evaluate(os.path.join(arguments.bin, "qcc-eval"),
                                       os.path.join(arguments.work, "models", model),
                                       line["flags"].format(calib=calibration), arguments.work)
                except RuntimeError as error:
                    print(f"{model} seed {seed} {line['label']}: {error}", file=sys.stderr)
                    failed = True
                    continue
                figures["flags"] = line["flags"].format(calib=f"calib-seed{seed}.npy")
                with open(path + ".partial", "w") as file:
                    json.dump(figures, file)
                os.replace(path + ".partial", path)
                print(f"{model} seed {seed} {line['label']}: KL {figures['kl']['mean']:.6f}", flush=True)
    sys.exit(failed)


if __name__ == "__main__":
    main()
