#!/usr/bin/env python3
"""Computes the fixtures' logits again in double precision, by numpy_model, and compares.

    check-fixtures.py test/models/fixtures
"""

import argparse
import os
import sys

import numpy as np

from numpy_model import NumpyModel

# The reference computed in f32: a few hundred roundings of 2^-24 each.
TOLERANCE = 2e-5


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("fixtures")
    folder = parser.parse_args().fixtures
    names = sorted(entry.name for entry in os.scandir(folder) if entry.is_dir())
    worst = 0.0
    for name in names:
        path = os.path.join(folder, name)
        expected = np.load(os.path.join(path, "logits.npy"))
        actual = NumpyModel(path, np.float64).logits(np.load(os.path.join(path, "tokens.npy")))
        difference = np.abs(actual - expected).max() / np.abs(expected).max()
        worst = max(worst, difference)
        print(f"{name:26} largest difference / largest logit {difference:.1e}")
    if not names or worst > TOLERANCE:
        sys.exit(f"error: {len(names)} fixtures, largest difference {worst:.1e}, "
                 f"limit {TOLERANCE:.0e}")


if __name__ == "__main__":
    main()
