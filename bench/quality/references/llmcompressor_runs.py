#!/usr/bin/env python3
"""Runs of llm-compressor: recipe NAME on MODEL, its stored checkpoint decoded to f32 weights (result.py).

The model is loaded in the type it is stored in, as the tool's own examples do, and saved in the tool's
format; codes and scales are read back from that file, so what is evaluated is what would be served.

    llmcompressor_runs.py NAME,NAME,... MODEL CALIB.npy OUT     fills OUT/NAME where that has no result.json
"""

import os
import sys
import time
from importlib.metadata import version

import torch
from compressed_tensors.compressors.pack_quantized.helpers import unpack_from_int32
from compressed_tensors.quantization import QuantizationArgs, QuantizationScheme
from compressed_tensors.quantization.lifecycle.forward import fake_quantize
from compressed_tensors.quantization.utils import compute_dynamic_scales_and_zp
from llmcompressor import oneshot
from llmcompressor.modifiers.gptq import GPTQModifier
from llmcompressor.modifiers.quantization import QuantizationModifier
from llmcompressor.modifiers.transform.awq import AWQModifier
from llmcompressor.modifiers.transform.smoothquant import SmoothQuantModifier
from safetensors import safe_open
from transformers import CompressedTensorsConfig, LlamaForCausalLM

import result

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import forward  # noqa: E402

BATCH = 8
# llm-compressor's AWQ pins cached activations, which PyTorch refuses without a GPU; pinning changes no value.
if not torch.accelerator.is_available():
    torch.Tensor.pin_memory = lambda tensor, *_: tensor


def integers(bits, observer="memoryless_minmax"):
    """Integer weights in groups of 128, symmetric, float activations."""
    return QuantizationScheme(targets=["Linear"], weights=QuantizationArgs(
        num_bits=bits, type="int", symmetric=True, strategy="group", group_size=128, observer=observer))


def eight_bits(kind):
    """Weights with a scale per output channel, activations with one per token, found at run time."""
    return QuantizationScheme(
        targets=["Linear"],
        weights=QuantizationArgs(num_bits=8, type=kind, symmetric=True, strategy="channel"),
        input_activations=QuantizationArgs(num_bits=8, type=kind, symmetric=True, strategy="token", dynamic=True))


def rounded(scheme):
    return QuantizationModifier(config_groups={"linears": scheme}, ignore=["lm_head"])


def gptq(scheme, actorder):
    return GPTQModifier(config_groups={"linears": scheme}, ignore=["lm_head"], actorder=actorder)


def smoothed(alpha):
    return [SmoothQuantModifier(smoothing_strength=alpha), rounded(eight_bits("int"))]


# `actorder=None` is GPTQ with columns in their order; "static" is the tool's default since 0.10.
RECIPES = {
    "w4-rtn": lambda: [rounded(integers(4))],
    "w4-rtn-imatrix": lambda: [rounded(integers(4, "imatrix_mse"))],
    "w4-awq": lambda: [AWQModifier(), rounded(integers(4))],
    "w4-gptq": lambda: [gptq(integers(4), None)],
    "w4-gptq-static": lambda: [gptq(integers(4), "static")],
    "w4-gptq-imatrix": lambda: [gptq(integers(4, "imatrix_mse"), "static")],
    "w3-rtn": lambda: [rounded(integers(3))],
    "w3-gptq": lambda: [gptq(integers(3), None)],
    "w3-gptq-static": lambda: [gptq(integers(3), "static")],
    "fp8-dynamic": lambda: [rounded(eight_bits("float"))],
    "int8-rtn": lambda: [rounded(eight_bits("int"))],
    "int8-smooth-0.3": lambda: smoothed(0.3),
    "int8-smooth-0.5": lambda: smoothed(0.5),
    "int8-smooth-0.7": lambda: smoothed(0.7),
    "int8-smooth-0.85": lambda: smoothed(0.85),
}


def stored_bits(tensors, linear):
    """(codes as float64, scales as float64, bits stored) of a linear in compressed-tensors' formats."""
    scale = tensors[linear + ".weight_scale"]
    if linear + ".weight_packed" in tensors:
        packed, shape = tensors[linear + ".weight_packed"], tensors[linear + ".weight_shape"]
        bits = packed.numel() * 32 // int(shape.prod())
        codes, stored = unpack_from_int32(packed, bits, torch.Size(shape.tolist())), packed.numel() * 32
    else:
        codes = tensors[linear + ".weight"]
        if codes.dtype not in (torch.int8, torch.float8_e4m3fn):
            raise ValueError(f"{linear} is stored as {codes.dtype}: the recipe left it as it was")
        stored = codes.numel() * 8
    return codes.double(), scale.double(), stored + scale.numel() * scale.element_size() * 8


def decode(folder, names):
    """({parameter: f32 tensor}, bits per weight) of a saved checkpoint; `names`: the quantized linears."""
    with safe_open(os.path.join(folder, "model.safetensors"), "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    weights, bits, count = {}, 0, 0
    for name in names:
        codes, scale, stored = stored_bits(tensors, name)
        weights[name + ".weight"] = (codes.unflatten(1, (scale.shape[1], -1)) * scale[..., None]).flatten(1).float()
        bits, count = bits + stored, count + codes.numel()
    for name, tensor in tensors.items():
        if name.rsplit(".", 1)[0] not in names:
            weights[name] = tensor.float()
    return weights, bits / count


def check_decoding(folder, weights):
    """The tool's own reading of its checkpoint must be ours, but for its rounding to the model's type."""
    model = LlamaForCausalLM.from_pretrained(folder, dtype="auto",
                                             quantization_config=CompressedTensorsConfig(dequantize=True))
    read = model.state_dict()
    for name in weights:
        if not torch.equal(read[name], weights[name].to(read[name].dtype)):
            raise AssertionError(f"{name} is not what the tool reads from {folder}")


def check_activations(kind):
    """forward.py's activation quantizer must be the tool's: on random tokens, bit for bit."""
    args = eight_bits("int" if kind == "int8_token" else "float").input_activations
    x = torch.randn(2, 64, 256, generator=torch.Generator().manual_seed(0)) * 3
    scale, zero = compute_dynamic_scales_and_zp(x, args, None)
    theirs, ours = fake_quantize(x, scale, zero, args), forward.QUANTIZERS[kind](x)
    if not torch.equal(theirs, ours):
        raise AssertionError(f"{kind}: {(theirs != ours).float().mean():.2%} of the values differ from the tool's")


def run(name, folder, calibration, out):
    model = result.load_model(folder, "auto")
    linears = [linear for linear, _ in result.quantized_linears(model)]
    recipe = RECIPES[name]()
    inputs = recipe[-1].config_groups["linears"].input_activations
    activations = "none" if inputs is None else forward.KINDS[inputs.type]
    if activations != "none":
        check_activations(activations)
    batches = [{"input_ids": ids, "attention_mask": torch.ones_like(ids)} for ids in result.batches(calibration, BATCH)]
    start = time.monotonic()
    oneshot(model=model, recipe=recipe, processor=result.tokenizer(),
            dataset=torch.utils.data.DataLoader(batches, batch_size=None))
    seconds = time.monotonic() - start
    checkpoint = os.path.join(out, "checkpoint")
    model.save_pretrained(checkpoint, save_compressed=True)
    weights, bits = decode(checkpoint, linears)
    check_decoding(checkpoint, weights)
    result.save(out, weights, activations, bits, seconds,
                f"llmcompressor {version('llmcompressor')}, compressed-tensors {version('compressed-tensors')}")


if __name__ == "__main__":
    result.command_line(run)
