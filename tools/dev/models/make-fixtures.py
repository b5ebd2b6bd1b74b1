#!/usr/bin/env python3
"""Makes the tiny models of test/models/fixtures and their logits by Hugging Face transformers.

Run once, by hand, when a fixture is added; the results are committed. Needs torch and transformers,
which neither the build nor the tests need. A configuration is written here as it stands in
published checkpoints of its family (both spellings of the rotary keys and of the data type), and it
is transformers that reads it: its reading is the reference.

    make-fixtures.py test/models/fixtures
"""

import argparse
import json
import os
import shutil

import numpy as np
import torch
import transformers

import checkpoint_io

COMMON = {
    "bos_token_id": 1, "eos_token_id": 2, "hidden_act": "silu", "hidden_size": 64,
    "initializer_range": 0.02, "intermediate_size": 112, "max_position_embeddings": 256,
    "num_attention_heads": 4, "num_hidden_layers": 2, "num_key_value_heads": 2,
    "rms_norm_eps": 1e-05, "rope_theta": 10000.0, "tie_word_embeddings": False, "vocab_size": 131,
}
LLAMA = {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "attention_bias": False,
         "mlp_bias": False}
MISTRAL = {"architectures": ["MistralForCausalLM"], "model_type": "mistral"}
QWEN2 = {"architectures": ["Qwen2ForCausalLM"], "model_type": "qwen2", "rms_norm_eps": 1e-06,
         "use_sliding_window": False, "max_window_layers": 2, "sliding_window": 9}
QWEN3 = {"architectures": ["Qwen3ForCausalLM"], "model_type": "qwen3", "rms_norm_eps": 1e-06,
         "attention_bias": False, "use_sliding_window": False, "sliding_window": None}

# Name -> (stored type, tokens in the prompt, shards, configuration). A value of ... removes a key.
FIXTURES = {
    # Multi-head attention; no head_dim and no mlp_bias, as in configurations of Llama 2.
    "llama2": ("F16", 40, 1, LLAMA | {
        "num_key_value_heads": 4, "pretraining_tp": 1, "rope_scaling": None, "mlp_bias": ...,
        "torch_dtype": "float16"}),
    # Heads wider together than the hidden size; the prompt passes both wavelength limits.
    "llama3": ("BF16", 72, 1, LLAMA | {
        "head_dim": 32, "intermediate_size": 80, "eos_token_id": [2, 3, 5],
        "rope_theta": 500000.0, "torch_dtype": "bfloat16",
        "rope_scaling": {"factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
                         "original_max_position_embeddings": 64, "rope_type": "llama3"}}),
    "llama-tied": ("F32", 40, 1, LLAMA | {
        "intermediate_size": 96, "num_key_value_heads": 1, "tie_word_embeddings": True,
        "torch_dtype": "float32"}),
    # Biases of all seven linears; two shards, with a layer divided between them.
    "llama-bias-sharded": ("BF16", 40, 2, LLAMA | {
        "attention_bias": True, "mlp_bias": True, "torch_dtype": "bfloat16"}),
    # The old spelling of the rotary key: "type".
    "llama-rope-linear": ("F16", 64, 1, LLAMA | {
        "rope_scaling": {"factor": 4.0, "type": "linear"}, "torch_dtype": "float16"}),
    # attention_factor by its default, 0.1 ln(factor) + 1.
    "llama-rope-yarn": ("BF16", 96, 1, LLAMA | {
        "max_position_embeddings": 128, "torch_dtype": "bfloat16",
        "rope_scaling": {"factor": 4.0, "rope_type": "yarn", "beta_fast": 8.0, "beta_slow": 1.0,
                         "original_max_position_embeddings": 32}}),
    # mscale and mscale_all_dim: the factor is m(mscale) / m(mscale_all_dim). The spelling of
    # transformers 5.
    "mistral-rope-yarn-mscale": ("BF16", 96, 1, MISTRAL | {
        "max_position_embeddings": 128, "sliding_window": None, "dtype": "bfloat16",
        "rope_theta": ..., "head_dim": 16,
        "rope_parameters": {"factor": 4.0, "rope_type": "yarn", "rope_theta": 10000.0,
                            "mscale": 1.0, "mscale_all_dim": 0.5, "beta_fast": 8.0,
                            "original_max_position_embeddings": 32}}),
    # A window smaller than the prompt; three query heads to a key head.
    "mistral-window": ("BF16", 40, 1, MISTRAL | {
        "hidden_size": 96, "num_attention_heads": 6, "intermediate_size": 80,
        "sliding_window": 12, "torch_dtype": "bfloat16"}),
    # head_dim given apart, differing from hidden_size / heads, as in Mistral Nemo.
    "mistral-head-dim": ("F16", 40, 1, MISTRAL | {
        "hidden_size": 80, "head_dim": 32, "intermediate_size": 72, "sliding_window": None,
        "torch_dtype": "float16"}),
    "qwen2": ("BF16", 40, 1, QWEN2 | {"tie_word_embeddings": True, "torch_dtype": "bfloat16"}),
    # Layers from max_window_layers on slide, the first one does not.
    "qwen2-window": ("F16", 40, 1, QWEN2 | {
        "use_sliding_window": True, "max_window_layers": 1, "torch_dtype": "float16"}),
    "qwen3": ("BF16", 40, 1, QWEN3 | {
        "hidden_size": 80, "head_dim": 32, "intermediate_size": 72, "rope_theta": 1000000,
        "torch_dtype": "bfloat16"}),
    # The spelling of transformers 5 throughout: dtype, rope_parameters, layer_types.
    "qwen3-v5-tied": ("BF16", 40, 1, QWEN3 | {
        "head_dim": 16, "tie_word_embeddings": True, "dtype": "bfloat16", "rope_theta": ...,
        "layer_types": ["full_attention", "full_attention"], "max_window_layers": 2,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1000000}}),
}


def shapes_of(config):
    """The checkpoint's tensors as transformers names them, without a tied head: {name: shape}."""
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    tensors = {name: tuple(tensor.shape) for name, tensor in model.state_dict().items()}
    if config.tie_word_embeddings:
        del tensors["lm_head.weight"]
    return tensors


def values_of(name, shape, random):
    """Weights large enough that every part of the model moves the logits."""
    values = random.standard_normal(shape)
    if len(shape) == 2:
        # Attention scores should differ by a few units between positions.
        return values * (0.25 if "q_proj" in name or "k_proj" in name else 0.12)
    return 1 + 0.25 * values if name.endswith("norm.weight") else 0.2 * values


def write_weights(folder, shapes, dtype, shards, random):
    tensors = {name: checkpoint_io.encode(dtype, values_of(name, shape, random))
               for name, shape in shapes.items()}
    if shards == 1:
        checkpoint_io.save(os.path.join(folder, "model.safetensors"), tensors)
        return
    # Every other tensor to each: a weight and its bias lie in different shards.
    weight_map = {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = dict(list(tensors.items())[shard::shards])
        checkpoint_io.save(os.path.join(folder, file), part)
        weight_map |= dict.fromkeys(part, file)
    total = sum(array.nbytes for _, array in tensors.values())
    with open(os.path.join(folder, "model.safetensors.index.json"), "w") as file:
        json.dump({"metadata": {"total_size": total}, "weight_map": dict(sorted(
            weight_map.items()))}, file, indent=1)
        file.write("\n")


def reference_logits(folder, tokens):
    model, info = transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True)
    # A name that does not match would leave a weight at its random initial value.
    assert not any(info[key] for key in ("missing_keys", "unexpected_keys", "mismatched_keys")), info
    with torch.no_grad():
        return model.eval()(torch.from_numpy(tokens[None].astype(np.int64))).logits[0].numpy()


def make(folder, name, dtype, length, shards, overrides):
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    config = {key: value for key, value in sorted((COMMON | overrides).items())
              if value is not ...}
    with open(os.path.join(folder, "config.json"), "w") as file:
        json.dump(config, file, indent=2)
        file.write("\n")
    random = np.random.default_rng(sum(name.encode()))
    parsed = transformers.AutoConfig.from_pretrained(folder)
    write_weights(folder, shapes_of(parsed), dtype, shards, random)
    tokens = random.integers(0, config["vocab_size"], length).astype(np.int32)
    logits = reference_logits(folder, tokens)
    np.save(os.path.join(folder, "tokens.npy"), tokens)
    np.save(os.path.join(folder, "logits.npy"), logits.astype(np.float32))
    size = sum(entry.stat().st_size for entry in os.scandir(folder))
    print(f"{name:26} {size:7} bytes, logits rms {logits.std():.3f}, layers "
          f"{getattr(parsed, 'layer_types', None)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", help="folder to write the fixtures to")
    parser.add_argument("names", nargs="*", help="fixtures to make (default: all)")
    arguments = parser.parse_args()
    print(f"transformers {transformers.__version__}, torch {torch.__version__}, "
          f"numpy {np.__version__}")
    for name in arguments.names or FIXTURES:
        make(os.path.join(arguments.out, name), name, *FIXTURES[name])


if __name__ == "__main__":
    main()
