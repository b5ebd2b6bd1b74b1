#!/usr/bin/env python3
"""Compares two .npy files of logits [rows, vocabulary] and fails beyond given limits. numpy only.

    compare_logits.py REFERENCE ACTUAL [--max-error 1e-4] [--first-row X] [--rms-error X]
                      [--kl X] [--greedy] [--tie-error X]
                      [--generated-from ROW] [--json]

Measures, over all rows compared:
  max error   largest |actual - reference| / largest |reference|
  first row   the max error of the first row alone
  rms error   root mean square of actual - reference / root mean square of the reference
  kl          mean over the rows of KL(softmax(reference) || softmax(actual)), in nats
  greedy      rows whose likeliest token (the smallest id among equals) is the same

The near-tie rule: where the likeliest tokens differ, the row is a near-tie if the reference's logits
of the two differ by at most --tie-error times the largest |reference| (default 0: only exact ties).
--greedy fails on a row that differs and is no near-tie. If every logit may be off by e, two of them
may swap while they are within 2 e: a --tie-error below twice --max-error asks for more than the
latter does.

--generated-from ROW: from this row on, each side's rows follow its own greedy choices. After a row
that differs the inputs differ too, so comparing stops behind the first such row.

Exit status: 0 within the limits, 1 beyond one of them or not comparable (shape, type, a value that is
not finite), 2 for a wrong command line.
"""

import argparse
import json
import sys

import numpy as np


class NotComparable(Exception):
    pass


def load(path):
    try:
        logits = np.load(path, allow_pickle=False)
    except (OSError, ValueError) as error:
        raise NotComparable(f"{path}: {error}") from error
    if logits.ndim != 2 or logits.size == 0 or not np.issubdtype(logits.dtype, np.floating):
        raise NotComparable(f"{path}: must hold floating-point [rows, vocabulary], found "
                            f"{logits.dtype} {list(logits.shape)}")
    if not np.isfinite(logits).all():
        row, column = np.argwhere(~np.isfinite(logits))[0]
        raise NotComparable(f"{path}: not finite at row {row}, token {column}")
    return logits.astype(np.float64)


def log_softmax(logits):
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def differing_rows(reference, actual):
    return np.flatnonzero(reference.argmax(axis=-1) != actual.argmax(axis=-1))


def is_near_tie(reference, actual, margin):
    """The near-tie rule for one row; `margin` in logits."""
    return bool(reference.max() - reference[actual.argmax()] <= margin)


def compare(reference, actual, tie_error=0.0, generated_from=None):
    """A dictionary of the measures above."""
    if reference.shape != actual.shape:
        raise NotComparable(f"shapes differ: reference {list(reference.shape)}, actual "
                            f"{list(actual.shape)}")
    scale = np.abs(reference).max()
    if scale == 0:
        raise NotComparable("the reference is all zero")
    differing = differing_rows(reference, actual)
    if generated_from is not None:
        after = differing[differing >= generated_from]
        rows = int(after[0]) + 1 if after.size else len(reference)
        reference, actual, differing = reference[:rows], actual[:rows], differing[differing < rows]
    error = actual - reference
    expected, found = log_softmax(reference), log_softmax(actual)
    real = [int(row) for row in differing
            if not is_near_tie(reference[row], actual[row], tie_error * scale)]
    return {
        "rows": len(reference),
        "max_error": float(np.abs(error).max() / scale),
        "first_row": float(np.abs(error[0]).max() / scale),
        "rms_error": float(np.sqrt(np.mean(error ** 2) / np.mean(reference ** 2))),
        "kl": float(np.mean(np.sum(np.exp(expected) * (expected - found), axis=-1))),
        "greedy_equal": len(reference) - len(differing),
        "near_ties": len(differing) - len(real),
        "greedy_different": real,
    }


def complaints(result, limits, greedy):
    for name, limit in limits.items():
        # Written so that a value that is not a number fails.
        if limit is not None and not result[name] <= limit:
            yield f"{name} {result[name]:.3e} exceeds the limit {limit:.3e}"
    if greedy and result["greedy_different"]:
        shown = ", ".join(str(row) for row in result["greedy_different"][:10])
        yield f"the likeliest token differs, beyond a near-tie, in rows {shown}"


def parse(arguments):
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference")
    parser.add_argument("actual")
    parser.add_argument("--max-error", type=float)
    parser.add_argument("--first-row", type=float)
    parser.add_argument("--rms-error", type=float)
    parser.add_argument("--kl", type=float)
    parser.add_argument("--greedy", action="store_true")
    parser.add_argument("--tie-error", type=float, default=0.0)
    parser.add_argument("--generated-from", type=int)
    parser.add_argument("--json", action="store_true", help="print the measures as JSON")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    try:
        result = compare(load(options.reference), load(options.actual), options.tie_error,
                         options.generated_from)
    except NotComparable as reason:
        print(f"error: {reason}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(result))
    else:
        print(", ".join(f"{name} {value:.3e}" if isinstance(value, float) else f"{name} {value}"
                        for name, value in result.items()))
    limits = {name: getattr(options, name) for name in ("max_error", "first_row", "rms_error", "kl")}
    failures = list(complaints(result, limits, options.greedy))
    for failure in failures:
        print(f"error: {failure}", file=sys.stderr)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
