#!/usr/bin/env python3
"""Writes model directories that must be refused: OUT/<case>/ for each, and OUT/cases.json, which maps
a case to a part of the message it must be refused with. OUT/value-cases.json does the same for
directories with weights that are not finite, which only reading the weights can find. OUT/sound/
holds the model all of them derive from; it must be accepted. Needs numpy only.

    make-bad-checkpoints.py OUT
"""

import argparse
import json
import os

import numpy as np

import checkpoint_io
from bad_files import FILE_CASES, INDEX_CASES, VALUE_CASES

CONFIG = {
    "architectures": ["LlamaForCausalLM"], "attention_bias": False, "bos_token_id": 1,
    "eos_token_id": 2, "head_dim": 16, "hidden_act": "silu", "hidden_size": 16,
    "intermediate_size": 32, "max_position_embeddings": 64, "mlp_bias": False,
    "model_type": "llama", "num_attention_heads": 1, "num_hidden_layers": 2,
    "num_key_value_heads": 1, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
    "tie_word_embeddings": False, "torch_dtype": "bfloat16", "vocab_size": 24,
}
LLAMA3_ROPE = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
               "high_freq_factor": 4.0, "original_max_position_embeddings": 64}

# Case -> (changes to the configuration, part of the message). A value of ... removes the key.
CONFIG_CASES = {
    "type-missing": ({"model_type": ...}, "model_type"),
    "type-unknown": ({"model_type": "gpt_neox"}, "gpt_neox"),
    "type-number": ({"model_type": 7}, "model_type"),
    "activation-unknown": ({"hidden_act": "swish2"}, "swish2"),
    "rope-unknown": ({"rope_scaling": {"rope_type": "spiral", "factor": 2.0}}, "spiral"),
    "rope-dynamic": ({"rope_scaling": {"type": "dynamic", "factor": 2.0}}, "dynamic"),
    "rope-longrope": ({"rope_scaling": {"rope_type": "longrope", "short_factor": [1.0] * 8,
                                        "long_factor": [1.0] * 8}}, "longrope"),
    "rope-without-factor": ({"rope_scaling": {"rope_type": "linear"}}, "factor is missing"),
    "rope-factor-zero": ({"rope_scaling": {"rope_type": "linear", "factor": 0.0}}, "factor"),
    "rope-factor-string": ({"rope_scaling": {"rope_type": "linear", "factor": "2"}},
                           "must be a number"),
    "rope-llama3-incomplete": ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}},
                               "low_freq_factor is missing"),
    "rope-both-spellings": ({"rope_scaling": LLAMA3_ROPE, "rope_parameters": LLAMA3_ROPE},
                            "both rope_scaling and rope_parameters"),
    "rope-unknown-key": ({"rope_scaling": LLAMA3_ROPE | {"twist": 2.0}}, "twist"),
    "rope-theta-zero": ({"rope_theta": 0}, "rope_theta"),
    "rope-theta-negative": ({"rope_theta": -10000.0}, "rope_theta"),
    "rope-partial": ({"partial_rotary_factor": 0.5}, "partial_rotary_factor"),
    "hidden-missing": ({"hidden_size": ...}, "hidden_size"),
    "hidden-zero": ({"hidden_size": 0}, "hidden_size"),
    "hidden-negative": ({"hidden_size": -16}, "hidden_size"),
    "hidden-float": ({"hidden_size": 16.5}, "hidden_size"),
    "hidden-absurd": ({"hidden_size": 2**40}, "hidden_size"),
    "hidden-disagrees": ({"hidden_size": 32}, "has shape"),
    "vocabulary-disagrees": ({"vocab_size": 25}, "has shape"),
    "vocabulary-absurd": ({"vocab_size": 2**31}, "vocab_size"),
    "layers-too-many": ({"num_hidden_layers": 3}, "missing tensor"),
    "layers-too-few": ({"num_hidden_layers": 1}, "unknown tensor"),
    "layers-absurd": ({"num_hidden_layers": 10**9}, "num_hidden_layers"),
    "heads-zero": ({"num_attention_heads": 0}, "num_attention_heads"),
    "heads-not-divisible": ({"num_attention_heads": 3, "num_key_value_heads": 2},
                            "num_key_value_heads"),
    "kv-heads-more": ({"num_key_value_heads": 2}, "num_key_value_heads"),
    "head-dim-odd": ({"head_dim": 15}, "head_dim"),
    "positions-zero": ({"max_position_embeddings": 0}, "max_position_embeddings"),
    "eps-negative": ({"rms_norm_eps": -1.0}, "rms_norm_eps"),
    "tied-but-head-differs": ({"tie_word_embeddings": True}, "tie_word_embeddings"),
    "bias-promised": ({"attention_bias": True}, "missing tensor"),
    "bias-string": ({"attention_bias": "yes"}, "attention_bias"),
    "window-in-llama": ({"sliding_window": 16}, "sliding_window"),
    "window-zero": ({"model_type": "mistral", "sliding_window": 0}, "sliding_window"),
    "experts": ({"num_experts": 8}, "num_experts"),
    "softcapping": ({"final_logit_softcapping": 30.0}, "final_logit_softcapping"),
    "already-quantized": ({"quantization_config": {"quant_method": "gptq", "bits": 4}}, "gptq"),
    "own-code": ({"auto_map": {"AutoModelForCausalLM": "modeling.Model"}}, "auto_map"),
}
CONFIG_TEXTS = {
    "config-not-json": (b"model_type = llama\n", "invalid JSON"),
    "config-empty": (b"", "invalid JSON"),
    "config-array": (b"[]", "config.json"),
    "config-comment": (b'{"model_type": "llama" // the family\n}', "invalid JSON"),
    "config-nan": (json.dumps(CONFIG | {"rope_theta": float("nan")}).encode(), "invalid JSON"),
    "config-duplicate": (b'{"hidden_size": 16, "hidden\\u005fsize": 32}', "duplicate key"),
    "config-depth-bomb": (b'{"a":' * 100_000 + b"1" + b"}" * 100_000, "nested deeper"),
    "config-byte-order-mark": (b"\xef\xbb\xbf" + json.dumps(CONFIG).encode(), "invalid JSON"),
}


def sound_tensors():
    """The base model's tensors {name: (dtype, array)}, all different."""
    hidden, inner = CONFIG["hidden_size"], CONFIG["intermediate_size"]
    shapes = {"model.embed_tokens.weight": (CONFIG["vocab_size"], hidden)}
    for layer in range(CONFIG["num_hidden_layers"]):
        prefix = f"model.layers.{layer}."
        shapes[prefix + "input_layernorm.weight"] = (hidden,)
        shapes |= {f"{prefix}self_attn.{x}_proj.weight": (hidden, hidden) for x in "qkvo"}
        shapes[prefix + "post_attention_layernorm.weight"] = (hidden,)
        shapes |= {f"{prefix}mlp.{x}_proj.weight": (inner, hidden) for x in ("gate", "up")}
        shapes[prefix + "mlp.down_proj.weight"] = (hidden, inner)
    shapes |= {"model.norm.weight": (hidden,), "lm_head.weight": (CONFIG["vocab_size"], hidden)}
    random = np.random.default_rng(7)
    return {name: checkpoint_io.encode("BF16", random.standard_normal(shape))
            for name, shape in shapes.items()}


def changed(config, changes):
    return {key: value for key, value in (config | changes).items() if value is not ...}


def write(folder, files):
    os.makedirs(folder)
    for name, data in files.items():
        with open(os.path.join(folder, name), "wb") as file:
            file.write(data)


def directories():
    """Yields (case, files, part of the message); the message of the sound model is None."""
    tensors = sound_tensors()
    config, weights = json.dumps(CONFIG).encode(), checkpoint_io.save_bytes(tensors)
    yield "sound", {"config.json": config, "model.safetensors": weights}, None
    yield "no-weights", {"config.json": config}, "holds neither"
    yield "no-config", {"model.safetensors": weights}, "config.json"
    for case, (make, message) in (FILE_CASES | VALUE_CASES).items():
        yield case, {"config.json": config, "model.safetensors": make(tensors)}, message
    for case, (make, message) in INDEX_CASES.items():
        yield case, {"config.json": config} | make(tensors), message
    for case, (changes, message) in CONFIG_CASES.items():
        text = json.dumps(changed(CONFIG, changes)).encode()
        yield case, {"config.json": text, "model.safetensors": weights}, message
    for case, (text, message) in CONFIG_TEXTS.items():
        yield case, {"config.json": text, "model.safetensors": weights}, message


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", help="folder to write to; must not hold cases of an earlier run")
    out = parser.parse_args().out
    messages = {}
    for case, files, message in directories():
        if case in messages:
            raise ValueError(f"case {case} is there twice")
        write(os.path.join(out, case), files)
        messages[case] = message
    del messages["sound"]
    values = {case: messages.pop(case) for case in VALUE_CASES}
    for name, cases in (("cases.json", messages), ("value-cases.json", values)):
        with open(os.path.join(out, name), "w") as file:
            json.dump(cases, file, indent=1)
            file.write("\n")
    print(f"{len(messages) + len(values)} directories to refuse")


if __name__ == "__main__":
    main()
