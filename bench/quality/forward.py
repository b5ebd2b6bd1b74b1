#!/usr/bin/env python3
"""Logits of references' results on the held-out windows: transformers' own Llama in f32 with a result's weights.

Activations are quantized where the format quantizes them, at the input of every quantized linear, the
scale of each token from that token (dynamic). Keys and values are quantized where references/kv.py says.

    forward.py MODEL heldout.npy FLOAT.npy RESULT...

FLOAT.npy holds the logits of the checkpoint as it is, and is written where it is missing. Every RESULT that has a
result.json and no summary.json gets logits.npy, and from kl.py tokens.npz and, last, summary.json.
"""

import argparse
import json
import os
import sys

import numpy as np
import torch
from safetensors.torch import load_file

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "references"))
import kl  # noqa: E402
import kv  # noqa: E402
import result  # noqa: E402

BATCH = 8
KINDS = {"int": "int8_token", "float": "fp8_token"}


def int8_token(x):
    """Symmetric int8 with the scale of compressed-tensors: half of the 255 steps span the largest value."""
    scale = x.abs().amax(dim=-1, keepdim=True) / 127.5
    scale = torch.where(scale == 0, torch.finfo(x.dtype).eps, scale)
    return torch.clamp(torch.round(x / scale), -128, 127) * scale


def fp8_token(x):
    """e4m3, the largest value at 448; clamped before rounding, which is to nearest even."""
    scale = x.abs().amax(dim=-1, keepdim=True) / 448
    scale = torch.where(scale == 0, torch.finfo(x.dtype).eps, scale)
    return torch.clamp(x / scale, -448, 448).to(torch.float8_e4m3fn).to(x.dtype) * scale


QUANTIZERS = {"int8_token": int8_token, "fp8_token": fp8_token}


def quantize_inputs(model, kind):
    """Lets every quantized linear of the model see quantized activations."""
    def hook(_, inputs):
        return (QUANTIZERS[kind](inputs[0]),) + inputs[1:]
    for _, linear in result.quantized_linears(model):
        linear.register_forward_pre_hook(hook)


def no_cache():
    return None


@torch.no_grad()
def logits_of(model, cache, tokens_file):
    """f32 [windows, tokens, vocabulary]; cache() makes the keys' and values' store of one batch, or None."""
    rows = []
    for ids in result.batches(tokens_file, BATCH):
        store = cache()
        rows.append(model(input_ids=ids, past_key_values=store, use_cache=store is not None).logits)
    return torch.cat(rows).numpy()


def load_result(folder, model):
    """Turns the float model into a result's; returns the maker of the keys' and values' store."""
    model.load_state_dict(load_file(os.path.join(folder, "weights.safetensors")), strict=True)
    with open(os.path.join(folder, "result.json")) as file:
        scheme = json.load(file)
    if scheme["activations"] != "none":
        quantize_inputs(model, scheme["activations"])
    return (lambda: kv.QuantizedCache(scheme["cache"])) if scheme.get("cache") else no_cache


def evaluate(folder, model_folder, tokens_file, reference):
    model = result.load_model(model_folder, torch.float32)
    logits = logits_of(model, load_result(folder, model), tokens_file)
    np.save(os.path.join(folder, "logits.npy"), logits)
    parts = kl.per_token(reference, logits, np.load(tokens_file))
    np.savez_compressed(os.path.join(folder, "tokens.npz"), **parts)
    summary = os.path.join(folder, "summary.json")
    with open(summary + ".partial", "w") as file:
        json.dump(kl.summary(parts), file)
    os.replace(summary + ".partial", summary)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("tokens")
    parser.add_argument("float_logits")
    parser.add_argument("results", nargs="*")
    arguments = parser.parse_args()
    if not os.path.exists(arguments.float_logits):
        logits = logits_of(result.load_model(arguments.model, torch.float32), no_cache, arguments.tokens)
        np.save(arguments.float_logits + ".partial.npy", logits)
        os.replace(arguments.float_logits + ".partial.npy", arguments.float_logits)
    reference = np.load(arguments.float_logits)
    for folder in arguments.results:
        if os.path.exists(os.path.join(folder, "result.json")) and \
                not os.path.exists(os.path.join(folder, "summary.json")):
            evaluate(folder, arguments.model, arguments.tokens, reference)


if __name__ == "__main__":
    main()
