#!/usr/bin/env python3
"""Keys and values quantized with one calibrated scale per layer and tensor; weights and activations float.

The scale is the largest |value| over the calibration tokens divided by the largest code, keys taken after the
rotary embedding, as serving engines calibrate their static per-tensor caches. Values beyond it saturate.

    kv.py kv-int8-tensor,kv-fp8-tensor MODEL CALIB.npy OUT
"""

import time

import torch
from transformers import DynamicCache

import result

BATCH = 8
LARGEST = {"int8": 127.0, "fp8": 448.0}


class ObservingCache(DynamicCache):
    """Keeps the largest |key| and |value| of each layer in `largest`: {(layer, "k" or "v"): value}."""

    def __init__(self, largest):
        super().__init__()
        self.largest = largest

    def update(self, keys, values, layer, *args, **kwargs):
        for kind, tensor in (("k", keys), ("v", values)):
            self.largest[layer, kind] = max(self.largest.get((layer, kind), 0.0), tensor.abs().max().item())
        return super().update(keys, values, layer, *args, **kwargs)


class QuantizedCache(DynamicCache):
    """Attention sees keys and values as `scheme` stores them: {"type", "k": [scale of layer], "v": [...]}."""

    def __init__(self, scheme):
        super().__init__()
        self.scheme = scheme

    def stored(self, tensor, scale):
        limit = LARGEST[self.scheme["type"]]
        codes = torch.clamp(tensor / scale, -limit, limit)
        codes = torch.round(codes) if self.scheme["type"] == "int8" else codes.to(torch.float8_e4m3fn).to(codes.dtype)
        return codes * scale

    def update(self, keys, values, layer, *args, **kwargs):
        return super().update(self.stored(keys, self.scheme["k"][layer]), self.stored(values, self.scheme["v"][layer]),
                              layer, *args, **kwargs)


@torch.no_grad()
def run(name, folder, calibration, out):
    kind = name.split("-")[1]
    model = result.load_model(folder, torch.float32)
    start, largest = time.monotonic(), {}
    for ids in result.batches(calibration, BATCH):
        model(input_ids=ids, past_key_values=ObservingCache(largest), use_cache=True)
    scheme = {"type": kind} | {part: [largest[layer, part] / LARGEST[kind] for layer in range(len(model.model.layers))]
                               for part in "kv"}
    result.save(out, model.state_dict(), "none", 16, time.monotonic() - start,
                "static per-tensor scales in the evaluator", scheme)


if __name__ == "__main__":
    result.command_line(run)
