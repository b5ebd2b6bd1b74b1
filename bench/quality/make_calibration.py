#!/usr/bin/env python3
"""Calibration tokens and held-out windows of the quality benchmark, as files of token ids. Needs numpy only.

The small model's vocabulary is bytes, so a text is its own token ids. calibration/seedN.txt holds
128 sequences of 512 bytes one after the other, each from a place of the *training* text chosen by
the seed; no byte of them is held-out text. The held-out windows are the first 64 windows of 512 bytes
of the model's heldout.txt, which do not overlap.

    make_calibration.py OUT               OUT/calib-seedN.npy int32 [128, 512], OUT/heldout.npy int32 [64, 512]
    make_calibration.py --from-training-text     writes calibration/seedN.txt anew, byte for byte the same; needs
                                                 the Debian packages bible-kjv and bible-kjv-text
"""

import argparse
import os
import sys

import numpy as np

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
SEEDS, SEQUENCES, WINDOWS, LENGTH = (0, 1, 2), 128, 64, 512


def text_of(seed):
    return os.path.join(HERE, "calibration", f"seed{seed}.txt")


def choose(training, seed):
    """SEQUENCES pieces of LENGTH bytes of the training text that do not overlap one another."""
    places = np.random.default_rng(seed).permutation(len(training) // LENGTH)[:SEQUENCES] * LENGTH
    return b"".join(training[place:place + LENGTH] for place in places)


def windows_of(path, count):
    """The first `count` windows of LENGTH bytes of a file, int32 [count, LENGTH]."""
    with open(path, "rb") as file:
        text = np.frombuffer(file.read(), dtype=np.uint8)
    if len(text) < count * LENGTH:
        raise ValueError(f"{path} has {len(text)} bytes; {count} windows of {LENGTH} need {count * LENGTH}")
    return text[:count * LENGTH].reshape(count, LENGTH).astype(np.int32)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", nargs="?", help="folder for the .npy files")
    parser.add_argument("--from-training-text", action="store_true")
    arguments = parser.parse_args()
    if arguments.from_training_text:
        sys.path.insert(0, os.path.join(ROOT, "tools", "dev", "models"))
        import kjv_text
        training, _ = kjv_text.split()
        for seed in SEEDS:
            with open(text_of(seed), "wb") as file:
                file.write(choose(training, seed))
    if arguments.out:
        os.makedirs(arguments.out, exist_ok=True)
        for seed in SEEDS:
            np.save(os.path.join(arguments.out, f"calib-seed{seed}.npy"), windows_of(text_of(seed), SEQUENCES))
        heldout = os.path.join(ROOT, "test", "models", "small", "heldout.txt")
        np.save(os.path.join(arguments.out, "heldout.npy"), windows_of(heldout, WINDOWS))


if __name__ == "__main__":
    main()
