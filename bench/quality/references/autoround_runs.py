#!/usr/bin/env python3
"""One run of AutoRound: W4, groups of 128, symmetric, 200 iterations; its stored checkpoint decoded to f32 weights.

torch.compile is off: on two cores it costs more than the tuning.

    autoround_runs.py w4-autoround MODEL CALIB.npy OUT
"""

import glob
import os
import time
from importlib.metadata import version

import torch
from auto_round import AutoRound
from safetensors import safe_open

import result

BATCH, ITERATIONS, GROUP = 8, 200, 128


def unpacked(words, dim):
    """The eight 4-bit codes of each int32, the lowest first, along `dim`."""
    nibbles = torch.stack([(words >> (4 * i)) & 15 for i in range(8)], dim=dim + 1)
    return nibbles.flatten(dim, dim + 1)


def decode(folder, names):
    """({parameter: f32 tensor}, bits per weight) of a checkpoint in AutoRound's own format.

    qweight int32 [in / 8, out], scales [groups, out] and possibly negative, qzeros int32 [groups, out / 8]: of a
    symmetric layer each zero is code 8, which the format stores as 7.
    """
    tensors = {}
    for path in glob.glob(os.path.join(folder, "*.safetensors")):
        with safe_open(path, "pt") as file:
            tensors |= {name: file.get_tensor(name) for name in file.keys()}
    weights, bits, count = {}, 0, 0
    for name in names:
        codes, scale = unpacked(tensors[name + ".qweight"], 0), tensors[name + ".scales"]
        zeros = unpacked(tensors[name + ".qzeros"], 1)
        if not (zeros == 7).all():
            raise ValueError(f"{name}: zeros {sorted(set(zeros.flatten().tolist()))} in a symmetric layer; expected 7")
        weight = (codes - 8).double().unflatten(0, (scale.shape[0], -1)) * scale.double()[:, None]
        weights[name + ".weight"] = weight.flatten(0, 1).T.float()
        bits, count = bits + codes.numel() * 4 + scale.numel() * scale.element_size() * 8, count + codes.numel()
    for name, tensor in tensors.items():
        if name.rsplit(".", 1)[0] not in names:
            weights[name] = tensor.float()
    return weights, bits / count


def run(_, folder, calibration, out):
    model = result.load_model(folder, "auto")
    linears = [linear for linear, _ in result.quantized_linears(model)]
    batches = [{"input_ids": ids, "attention_mask": torch.ones_like(ids)} for ids in result.batches(calibration, BATCH)]
    samples = sum(len(batch["input_ids"]) for batch in batches)
    start = time.monotonic()
    rounding = AutoRound(model, tokenizer=result.tokenizer(), scheme="W4A16", iters=ITERATIONS, nsamples=samples,
                         seqlen=batches[0]["input_ids"].shape[1], batch_size=BATCH, device_map="cpu",
                         dataset=torch.utils.data.DataLoader(batches, batch_size=None), enable_torch_compile=False)
    rounding.quantize_and_save(os.path.join(out, "checkpoint"), format="auto_round")
    seconds = time.monotonic() - start
    folders = [path for path, _, files in os.walk(os.path.join(out, "checkpoint"))
               if any(f.endswith(".safetensors") for f in files)]
    if len(folders) != 1:
        raise RuntimeError(f"AutoRound left checkpoints in {folders or 'no folder'}; expected one")
    weights, bits = decode(folders[0], linears)
    result.save(out, weights, "none", bits, seconds, f"auto-round {version('auto-round')}")


if __name__ == "__main__":
    result.command_line(run)
