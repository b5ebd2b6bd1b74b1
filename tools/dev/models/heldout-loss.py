#!/usr/bin/env python3
"""Held-out loss of a byte-level model: a float32 forward pass in numpy over the stored weights.

The text is cut into whole windows of --window bytes that do not overlap; what is left at the end is
not used. In each window every byte but the first is predicted from the ones before it. The result is
the mean of -ln p over all predicted bytes, in nats per byte.

    heldout-loss.py test/models/small [--text test/models/small/heldout.txt] [--sample 200]
"""

import argparse
import os

import numpy as np

from numpy_model import NumpyModel


def loss_of(model, text, window):
    """(mean nats per predicted byte, bytes predicted)."""
    total, count = 0.0, 0
    for begin in range(0, len(text) - window + 1, window):
        tokens = text[begin:begin + window]
        logits = model.logits(tokens[:-1]).astype(np.float64)
        logits -= logits.max(axis=-1, keepdims=True)
        log_sum = np.log(np.exp(logits).sum(axis=-1))
        total += (log_sum - logits[np.arange(window - 1), tokens[1:]]).sum()
        count += window - 1
    if not count:
        raise ValueError(f"the text has {len(text)} bytes, a window needs {window}")
    return total / count, count


def sample(model, prompt, length, temperature, seed):
    """`prompt` continued by bytes drawn from the model; temperature 0 takes the likeliest byte."""
    random, tokens = np.random.default_rng(seed), list(prompt)
    for _ in range(length):
        logits = model.logits(tokens)[-1].astype(np.float64)
        if temperature == 0:
            tokens.append(int(logits.argmax()))
            continue
        weights = np.exp((logits - logits.max()) / temperature)
        tokens.append(int(random.choice(len(weights), p=weights / weights.sum())))
    return bytes(tokens)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("model")
    parser.add_argument("--text", help="default: heldout.txt in the model's folder")
    parser.add_argument("--window", type=int, default=512)
    parser.add_argument("--sample", type=int, default=0, help="bytes to continue --prompt by")
    parser.add_argument("--prompt", default="\nActs 2\n1 And when ")
    parser.add_argument("--temperature", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()

    model = NumpyModel(arguments.model)
    with open(arguments.text or os.path.join(arguments.model, "heldout.txt"), "rb") as file:
        text = np.frombuffer(file.read(), dtype=np.uint8)
    loss, count = loss_of(model, text, arguments.window)
    print(f"held-out loss {loss:.4f} nats/byte over {count} bytes, windows of {arguments.window}")
    if arguments.sample:
        print(sample(model, arguments.prompt.encode(), arguments.sample, arguments.temperature,
                     arguments.seed).decode("latin-1"))


if __name__ == "__main__":
    main()
