#!/usr/bin/env python3
"""Derives a model with outlier channels that computes the same function. Needs numpy only.

Large language models have a few activation channels that are tens to hundreds of times larger than
the others, which is what makes them hard to quantize; a small one has none. Here channel c of a
normalisation's weight is multiplied by a power of two k_c, and column c of every linear that reads
the normalised activations is divided by it: W[:, c] / k_c * (x_c k_c) = W[:, c] x_c. Powers of two
make both exact in bf16, so in exact arithmetic the two models are one function.

The outlier channels are shared by all layers, as they are in large models.

    make-outlier-variant.py [--channels 6] [--log2-factors 4,5,6] test/models/small OUT
"""

import argparse
import json
import os
import shutil

import numpy as np

import checkpoint_io


def consumers(layers):
    """{norm: linears that read its output}; lm_head only reads the last one where it is untied."""
    result = {"model.norm": ["lm_head"]}
    for layer in range(layers):
        prefix = f"model.layers.{layer}."
        result[prefix + "input_layernorm"] = [f"{prefix}self_attn.{x}_proj" for x in "qkv"]
        result[prefix + "post_attention_layernorm"] = [f"{prefix}mlp.{x}_proj"
                                                       for x in ("gate", "up")]
    return result


def scaled(tensor, factors):
    """The tensor with its last dimension multiplied by `factors`, which must not round."""
    values = checkpoint_io.decode(tensor) * factors.astype(np.float32)
    result = checkpoint_io.encode(tensor[0], values)
    if not np.array_equal(checkpoint_io.decode(result), values):
        raise ValueError("a scaled weight is not exact in the stored type; use smaller factors")
    return result


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model", help="model directory with one model.safetensors and untied head")
    parser.add_argument("out")
    parser.add_argument("--channels", type=int, default=6, help="outlier channels of a norm")
    parser.add_argument("--log2-factors", default="4,5,6", help="used in turn")
    parser.add_argument("--seed", type=int, default=3)
    arguments = parser.parse_args()

    with open(os.path.join(arguments.model, "config.json")) as file:
        config = json.load(file)
    if config.get("tie_word_embeddings"):
        parser.error("the head is tied to the embeddings: its columns cannot be scaled alone")
    tensors = checkpoint_io.load(os.path.join(arguments.model, "model.safetensors"))
    hidden = config["hidden_size"]
    channels = np.random.default_rng(arguments.seed).permutation(hidden)[:arguments.channels]
    exponents = [int(e) for e in arguments.log2_factors.split(",")]
    factors = np.ones(hidden)
    factors[channels] = [2.0 ** exponents[i % len(exponents)] for i in range(len(channels))]

    for norm, linears in consumers(config["num_hidden_layers"]).items():
        tensors[norm + ".weight"] = scaled(tensors[norm + ".weight"], factors)
        for linear in linears:
            tensors[linear + ".weight"] = scaled(tensors[linear + ".weight"], 1 / factors)
    os.makedirs(arguments.out, exist_ok=True)
    shutil.copy(os.path.join(arguments.model, "config.json"), arguments.out)
    checkpoint_io.save(os.path.join(arguments.out, "model.safetensors"), tensors)
    print("outlier channels " + ", ".join(f"{c} x {factors[c]:.0f}" for c in sorted(channels)))


if __name__ == "__main__":
    main()
