#!/usr/bin/env python3
"""How far a quantized model's logits are from the float model's. Needs numpy only.

An evaluator apart from qcc-eval, which measures the same from the same files. Everything is computed in
double precision from f32 logits [windows, tokens, vocabulary]:

    KL    sum p ln(p / q) at every position of every window, p of the float model, in nats
    NLL   -ln p(next token) at every position but each window's last
    top1  share of positions whose likeliest token is the same; the lowest index wins a tie

    kl.py FLOAT.npy QUANTIZED.npy --tokens-file heldout.npy [--per-token OUT.npz]     prints one JSON object
"""

import argparse
import json

import numpy as np


def log_softmax(logits):
    logits = logits.astype(np.float64)
    logits -= logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def per_token(reference, quantized, tokens):
    """{"kl" [W, T], "nll_float", "nll_quantized" [W, T - 1], "same_top1" [W, T]} of logits [W, T, V], tokens [W, T]."""
    if reference.shape != quantized.shape or reference.shape[:2] != tokens.shape:
        raise ValueError(f"logits {reference.shape} and {quantized.shape} do not belong to tokens {tokens.shape}")
    if not np.isfinite(quantized).all():
        raise ValueError("the quantized model's logits are not all finite")
    parts = {"kl": [], "nll_float": [], "nll_quantized": [], "same_top1": []}
    for window, ids in enumerate(tokens):  # one window at a time: 64 x 512 x 256 doubles thrice are 200 MB
        p, q = log_softmax(reference[window]), log_softmax(quantized[window])
        places = np.arange(len(ids) - 1)
        parts["kl"].append((np.exp(p) * (p - q)).sum(axis=-1))
        parts["nll_float"].append(-p[places, ids[1:]])
        parts["nll_quantized"].append(-q[places, ids[1:]])
        parts["same_top1"].append(reference[window].argmax(axis=-1) == quantized[window].argmax(axis=-1))
    return {name: np.stack(rows) for name, rows in parts.items()}


def summary(parts):
    """The object qcc-eval prints, as far as this program knows it."""
    kl = parts["kl"]
    return {"kl": {"mean": float(kl.mean()), "median": float(np.median(kl)), "p99": float(np.percentile(kl, 99))},
            "nll": {"float": float(parts["nll_float"].mean()), "quantized": float(parts["nll_quantized"].mean())},
            "top1": float(parts["same_top1"].mean())}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("reference")
    parser.add_argument("quantized")
    parser.add_argument("--tokens-file", required=True)
    parser.add_argument("--per-token", help=".npz to write the values of every position to")
    arguments = parser.parse_args()
    parts = per_token(np.load(arguments.reference), np.load(arguments.quantized), np.load(arguments.tokens_file))
    if arguments.per_token:
        np.savez_compressed(arguments.per_token, **parts)
    print(json.dumps(summary(parts)))


if __name__ == "__main__":
    main()
