"""What a reference's run leaves behind, whatever the tool: what forward.py needs to evaluate it.

A result folder holds

    weights.safetensors   every parameter of the model in f32; quantized ones as code x stored scale, exact
    result.json           activations: "none", "int8_token" or "fp8_token"; bits per weight of the quantized
                          linears as stored, scales included; seconds and the tool's version;
                          cache: null, or the scales of references/kv.py
"""

import json
import os
import sys

import numpy as np
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast


def load_model(folder, dtype):
    """The checkpoint's model. Windows are whole sequences, so no cache is kept between calls."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype=dtype, attn_implementation="sdpa")
    model.config.use_cache = False
    return model.eval()


def quantized_linears(model):
    """[(name, linear)] that every reference quantizes: all but lm_head."""
    return [(name, module) for name, module in model.named_modules()
            if isinstance(module, torch.nn.Linear) and name != "lm_head"]


def batches(tokens_file, size):
    """Token ids of a .npy file, int64 [size, length] at a time."""
    return torch.from_numpy(np.load(tokens_file)).long().split(size)


def tokenizer():
    """One for tools that insist on a tokenizer though they are given token ids; it is never asked for any."""
    return PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.WordLevel({chr(i): i for i in range(256)})))


def save(folder, weights, activations, bits_per_weight, seconds, tool, cache=None):
    """`weights`: {name: f32 tensor}. Written last, result.json says that the run is complete."""
    os.makedirs(folder, exist_ok=True)
    for name, tensor in weights.items():
        if tensor.dtype != torch.float32 or not torch.isfinite(tensor).all():
            raise ValueError(f"{name} is {tensor.dtype} or holds values that are not finite")
    save_file({name: tensor.contiguous() for name, tensor in weights.items()},
              os.path.join(folder, "weights.safetensors"))
    with open(os.path.join(folder, "result.json"), "w") as file:
        json.dump({"activations": activations, "bits_per_weight": bits_per_weight, "seconds": round(seconds, 1),
                   "tool": tool, "cache": cache}, file)


def command_line(run):
    """PROGRAM NAME,NAME,... MODEL CALIB.npy OUT: run(name, model, calibration, OUT/name) where that has no result."""
    if len(sys.argv) != 5:
        sys.exit(f"usage: {os.path.basename(sys.argv[0])} NAME,NAME,... MODEL CALIB.npy OUT")
    names, model, calibration, out = sys.argv[1:]
    for name in names.split(","):
        folder = os.path.join(out, name)
        if not os.path.exists(os.path.join(folder, "result.json")):
            run(name, model, calibration, folder)
