"""A decoder of the Llama, Mistral, Qwen2 and Qwen3 families in numpy, for checks and held-out loss.

Written from the families' definitions, with numpy alone: it is independent of both qcc and
transformers. No cache: a forward pass takes a whole prompt.
"""

import json
import math
import os

import numpy as np

import checkpoint_io


def load_tensors(folder):
    """{name: (dtype, stored elements)} of a model folder, sharded or not."""
    index = os.path.join(folder, "model.safetensors.index.json")
    if not os.path.exists(index):
        return checkpoint_io.load(os.path.join(folder, "model.safetensors"))
    with open(index) as file:
        shards = sorted(set(json.load(file)["weight_map"].values()))
    return {name: tensor for shard in shards
            for name, tensor in checkpoint_io.load(os.path.join(folder, shard)).items()}


def yarn_frequencies(inverse, rope, theta, head_dim):
    original = rope["original_max_position_embeddings"]

    def dimension_of(rotations):
        return head_dim * math.log(original / (2 * math.pi * rotations)) / (2 * math.log(theta))

    low = max(math.floor(dimension_of(rope.get("beta_fast", 32))), 0)
    high = min(math.ceil(dimension_of(rope.get("beta_slow", 1))), head_dim - 1)
    ramp = np.clip((np.arange(head_dim // 2) - low) / max(high - low, 0.001), 0, 1)

    def magnitude(scale):
        return 0.1 * scale * math.log(rope["factor"]) + 1

    factor = magnitude(1)
    if rope.get("mscale") and rope.get("mscale_all_dim"):
        factor = magnitude(rope["mscale"]) / magnitude(rope["mscale_all_dim"])
    return inverse / rope["factor"] * ramp + inverse * (1 - ramp), \
        rope.get("attention_factor") or factor


def llama3_frequencies(inverse, rope):
    original = rope["original_max_position_embeddings"]
    low, high, wave = rope["low_freq_factor"], rope["high_freq_factor"], 2 * math.pi / inverse
    smooth = (original / wave - low) / (high - low)
    between = (1 - smooth) * inverse / rope["factor"] + smooth * inverse
    return np.where(wave < original / high, inverse,
                    np.where(wave > original / low, inverse / rope["factor"], between))


def rotary(config, head_dim):
    """(inverse frequencies [head_dim / 2], factor of cosine and sine)."""
    rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    theta = rope.get("rope_theta", config.get("rope_theta", 10000.0))
    inverse = theta ** (-np.arange(0, head_dim, 2, dtype=np.float64) / head_dim)
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return inverse, 1.0
    if kind == "linear":
        return inverse / rope["factor"], 1.0
    if kind == "llama3":
        return llama3_frequencies(inverse, rope), 1.0
    if kind == "yarn":
        return yarn_frequencies(inverse, rope, theta, head_dim)
    raise ValueError(f"rope type {kind!r} is unknown")


def window_of(config, layer):
    """The sliding window of a layer in positions, or None."""
    if config["model_type"] == "mistral":
        return config.get("sliding_window")
    if config.get("use_sliding_window") and layer >= config["max_window_layers"]:
        return config["sliding_window"]
    return None


class NumpyModel:
    """`model.logits(tokens)`: [T] token ids to [T, vocabulary] logits, computed in `dtype`."""

    def __init__(self, folder, dtype=np.float32):
        with open(os.path.join(folder, "config.json")) as file:
            self.config = json.load(file)
        self.dtype = dtype
        self.weights = {name: checkpoint_io.decode(tensor).astype(dtype)
                        for name, tensor in load_tensors(folder).items()}
        self.heads = self.config["num_attention_heads"]
        self.kv_heads = self.config.get("num_key_value_heads") or self.heads
        self.head_dim = self.config.get("head_dim") or self.config["hidden_size"] // self.heads
        self.inverse, self.rope_factor = rotary(self.config, self.head_dim)

    def norm(self, x, name):
        mean = np.mean(x * x, axis=-1, keepdims=True)
        return x / np.sqrt(mean + self.dtype(self.config["rms_norm_eps"])) \
            * self.weights[name + ".weight"]

    def linear(self, x, name):
        y = x @ self.weights[name + ".weight"].T
        bias = self.weights.get(name + ".bias")
        return y if bias is None else y + bias

    def heads_of(self, x, prefix, which, heads):
        """[heads, T, head_dim] of a projection, normalised if the family does so."""
        y = self.linear(x, f"{prefix}{which}_proj").reshape(len(x), heads, self.head_dim)
        if f"{prefix}{which}_norm.weight" in self.weights:
            y = self.norm(y, f"{prefix}{which}_norm")
        return y.transpose(1, 0, 2)

    def rotate(self, x):
        angles = np.outer(np.arange(x.shape[1]), self.inverse)
        cos = (np.cos(angles) * self.rope_factor).astype(self.dtype)
        sin = (np.sin(angles) * self.rope_factor).astype(self.dtype)
        low, high = np.split(x, 2, axis=-1)
        return np.concatenate((low * cos - high * sin, high * cos + low * sin), axis=-1)

    def attention(self, x, prefix, window):
        q = self.rotate(self.heads_of(x, prefix, "q", self.heads))
        k = self.rotate(self.heads_of(x, prefix, "k", self.kv_heads))
        v = self.heads_of(x, prefix, "v", self.kv_heads)
        k, v = (np.repeat(t, self.heads // self.kv_heads, axis=0) for t in (k, v))
        scores = q @ k.transpose(0, 2, 1) / self.dtype(math.sqrt(self.head_dim))
        distance = np.subtract.outer(np.arange(len(x)), np.arange(len(x)))
        seen = (distance >= 0) & (distance < (window or len(x)))
        scores = np.where(seen, scores, -np.inf)
        weights = np.exp(scores - scores.max(axis=-1, keepdims=True))
        mixed = (weights / weights.sum(axis=-1, keepdims=True)) @ v
        return self.linear(mixed.transpose(1, 0, 2).reshape(len(x), -1), prefix + "o_proj")

    def mlp(self, x, prefix):
        gate = self.linear(x, prefix + "gate_proj")
        return self.linear(gate / (1 + np.exp(-gate)) * self.linear(x, prefix + "up_proj"),
                           prefix + "down_proj")

    def logits(self, tokens):
        x = self.weights["model.embed_tokens.weight"][np.asarray(tokens)]
        for layer in range(self.config["num_hidden_layers"]):
            prefix = f"model.layers.{layer}."
            x = x + self.attention(self.norm(x, prefix + "input_layernorm"), prefix + "self_attn.",
                                   window_of(self.config, layer))
            x = x + self.mlp(self.norm(x, prefix + "post_attention_layernorm"), prefix + "mlp.")
        x = self.norm(x, "model.norm")
        tied = self.config.get("tie_word_embeddings")
        return self.linear(x, "model.embed_tokens" if tied else "lm_head")
