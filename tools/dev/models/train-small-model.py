#!/usr/bin/env python3
"""Trains the small byte-level Llama model of test/models/small on the King James Bible.

Needs PyTorch, numpy and the Debian packages bible-kjv and bible-kjv-text; neither the build nor the
tests need any of them. The learning rate follows the share of --minutes spent, so a run ends well
whatever the machine's speed; every --checkpoint-minutes a complete model is written to OUT, and
again at the end. The weights written are an exponential moving average, so that a run that is cut
short still leaves a usable model.

    train-small-model.py --minutes 35 test/models/small
    train-small-model.py --resume --rate 3e-3 --short-share 0 test/models/small
"""

import argparse
import json
import math
import os
import time

import torch
import torch.nn.functional as F
from torch import nn

import checkpoint_io
import kjv_text

CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "attention_bias": False,
    "bos_token_id": 0,
    "eos_token_id": 0,
    "head_dim": 64,
    "hidden_act": "silu",
    "hidden_size": 256,
    "initializer_range": 0.02,
    "intermediate_size": 768,
    "max_position_embeddings": 512,
    "mlp_bias": False,
    "model_type": "llama",
    "num_attention_heads": 4,
    "num_hidden_layers": 5,
    "num_key_value_heads": 2,
    "rms_norm_eps": 1e-05,
    "rope_theta": 10000.0,
    "tie_word_embeddings": False,
    "torch_dtype": "bfloat16",
    "vocab_size": 256,
}
HIDDEN, INTERMEDIATE, HEAD_DIM = (CONFIG["hidden_size"], CONFIG["intermediate_size"],
                                  CONFIG["head_dim"])
HEADS, KV_HEADS = CONFIG["num_attention_heads"], CONFIG["num_key_value_heads"]
CONTEXT, BYTES = CONFIG["max_position_embeddings"], CONFIG["vocab_size"]


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.q_proj = nn.Linear(HIDDEN, HEADS * HEAD_DIM, bias=False)
        self.k_proj = nn.Linear(HIDDEN, KV_HEADS * HEAD_DIM, bias=False)
        self.v_proj = nn.Linear(HIDDEN, KV_HEADS * HEAD_DIM, bias=False)
        self.o_proj = nn.Linear(HEADS * HEAD_DIM, HIDDEN, bias=False)

    def forward(self, x, cos, sin):
        batch, length, _ = x.shape

        def split(projection, heads):
            return projection(x).view(batch, length, heads, HEAD_DIM).transpose(1, 2)

        def rotate(t):
            low, high = t.chunk(2, dim=-1)
            return torch.cat((low * cos - high * sin, high * cos + low * sin), dim=-1)

        q, k, v = rotate(split(self.q_proj, HEADS)), rotate(split(self.k_proj, KV_HEADS)), \
            split(self.v_proj, KV_HEADS)
        k, v = (t.repeat_interleave(HEADS // KV_HEADS, dim=1) for t in (k, v))
        mixed = F.scaled_dot_product_attention(q.to(v.dtype), k.to(v.dtype), v, is_causal=True)
        return self.o_proj(mixed.transpose(1, 2).reshape(batch, length, HEADS * HEAD_DIM))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.gate_proj = nn.Linear(HIDDEN, INTERMEDIATE, bias=False)
        self.up_proj = nn.Linear(HIDDEN, INTERMEDIATE, bias=False)
        self.down_proj = nn.Linear(INTERMEDIATE, HIDDEN, bias=False)

    def forward(self, x):
        return self.down_proj(F.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self):
        super().__init__()
        self.input_layernorm = nn.RMSNorm(HIDDEN, eps=CONFIG["rms_norm_eps"])
        self.self_attn = Attention()
        self.post_attention_layernorm = nn.RMSNorm(HIDDEN, eps=CONFIG["rms_norm_eps"])
        self.mlp = Mlp()

    def forward(self, x, cos, sin):
        x = x + self.self_attn(self.input_layernorm(x), cos, sin)
        return x + self.mlp(self.post_attention_layernorm(x))


class Body(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed_tokens = nn.Embedding(BYTES, HIDDEN)
        self.layers = nn.ModuleList(Layer() for _ in range(CONFIG["num_hidden_layers"]))
        self.norm = nn.RMSNorm(HIDDEN, eps=CONFIG["rms_norm_eps"])


class SmallLlama(nn.Module):
    """Module names are chosen so that state_dict() has the names of a Hugging Face checkpoint."""

    def __init__(self):
        super().__init__()
        self.model = Body()
        self.lm_head = nn.Linear(HIDDEN, BYTES, bias=False)
        inverse = CONFIG["rope_theta"] ** (-torch.arange(0, HEAD_DIM, 2) / HEAD_DIM)
        self.angles = torch.outer(torch.arange(CONTEXT).float(), inverse)
        for name, parameter in self.named_parameters():
            if parameter.dim() == 2:
                # The branches' last products start smaller, so that the residual stream's variance
                # does not grow with depth.
                residual = name.endswith(("o_proj.weight", "down_proj.weight"))
                nn.init.normal_(parameter, std=0.05 / (math.sqrt(10) if residual else 1))

    def forward(self, tokens):
        angles = self.angles[:tokens.shape[1]]
        x, cos, sin = self.model.embed_tokens(tokens), angles.cos(), angles.sin()
        for layer in self.model.layers:
            x = layer(x, cos, sin)
        return self.lm_head(self.model.norm(x)).float()


def loss_of(model, inputs, targets):
    # bfloat16 products are about twice as fast as f32 ones on a CPU with avx512_bf16.
    with torch.autocast("cpu", dtype=torch.bfloat16):
        logits = model(inputs)
    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())


@torch.no_grad()
def held_out_loss(model, text):
    """Mean nats per predicted byte over whole windows of CONTEXT bytes, which do not overlap."""
    windows = text[:len(text) // CONTEXT * CONTEXT].view(-1, CONTEXT)
    return sum(loss_of(model, window[None, :-1], window[None, 1:]).item()
               for window in windows) / len(windows)


def save(model, out):
    tensors = {name: checkpoint_io.encode("BF16", tensor.numpy())
               for name, tensor in sorted(model.state_dict().items())}
    # Written beside and renamed: a run may be cut at any time.
    partial = os.path.join(out, "model.safetensors.partial")
    checkpoint_io.save(partial, tensors)
    os.replace(partial, os.path.join(out, "model.safetensors"))


def load(model, out):
    stored = checkpoint_io.load(os.path.join(out, "model.safetensors"))
    model.load_state_dict({name: torch.from_numpy(checkpoint_io.decode(tensor))
                           for name, tensor in stored.items()})


def optimizers_of(model, rate):
    """Muon for the layers' matrices, which needs about half of AdamW's steps; AdamW for the rest."""
    matrices = [p for p in model.model.layers.parameters() if p.dim() == 2]
    tables = [model.model.embed_tokens.weight, model.lm_head.weight]
    norms = [p for p in model.parameters() if p.dim() == 1]
    return [torch.optim.Muon(matrices, lr=rate, weight_decay=0.1, adjust_lr_fn="match_rms_adamw"),
            torch.optim.AdamW(tables + norms, lr=rate, weight_decay=0.0, betas=(0.9, 0.95))]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("out", help="folder to write the model to")
    parser.add_argument("--minutes", type=float, default=35)
    parser.add_argument("--checkpoint-minutes", type=float, default=2)
    parser.add_argument("--batch", type=int, default=8, help=f"windows of {CONTEXT} bytes")
    parser.add_argument("--rate", type=float, default=6e-3, help="highest learning rate")
    parser.add_argument("--short-share", type=float, default=0.5,
                        help="share of the time spent on windows of half the context")
    parser.add_argument("--resume", action="store_true", help="go on from the weights in OUT")
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()

    # A resumed run must not draw the first run's windows again.
    torch.manual_seed(1612 if arguments.resume else 1611)
    torch.set_num_threads(arguments.threads)
    training, held_out = kjv_text.split()
    os.makedirs(arguments.out, exist_ok=True)
    with open(os.path.join(arguments.out, "config.json"), "w") as file:
        json.dump(CONFIG, file, indent=2)
        file.write("\n")
    with open(os.path.join(arguments.out, "heldout.txt"), "wb") as file:
        file.write(held_out)
    training, held_out = (torch.frombuffer(bytearray(t), dtype=torch.uint8).long()
                          for t in (training, held_out))

    model, average = SmallLlama(), SmallLlama()
    if arguments.resume:
        load(model, arguments.out)
    average.load_state_dict(model.state_dict())
    optimizers = optimizers_of(model, arguments.rate)
    log = open(os.path.join(arguments.out, "training.log"), "a" if arguments.resume else "w",
               buffering=1)

    def say(line):
        print(line, flush=True)
        print(line, file=log)

    say(f"parameters {sum(p.numel() for p in model.parameters())}, training bytes {len(training)}, "
        f"held-out bytes {len(held_out)}, torch {torch.__version__}, {vars(arguments)}")
    start, step, recent = time.monotonic(), 0, []
    next_report = 60 * arguments.checkpoint_minutes
    while (spent := (time.monotonic() - start) / (60 * arguments.minutes)) < 1:
        warmup = min(1.0, (step + 1) / 30)
        for group in (g for optimizer in optimizers for g in optimizer.param_groups):
            group["lr"] = arguments.rate * warmup * (0.5 + 0.5 * math.cos(math.pi * spent))
        # Short windows first: attention over the whole context is 40 % of a step's time on a CPU.
        shrink = 2 if spent < arguments.short_share else 1
        length = CONTEXT // shrink
        begins = torch.randint(len(training) - length, (arguments.batch * shrink,))
        windows = training[begins[:, None] + torch.arange(length + 1)]
        loss = loss_of(model, windows[:, :-1], windows[:, 1:])
        model.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimizer in optimizers:
            optimizer.step()
        with torch.no_grad():
            for mean, parameter in zip(average.parameters(), model.parameters()):
                mean.lerp_(parameter, 1 / min(step + 1, 100))
        recent.append(loss.item())
        step += 1
        if time.monotonic() - start >= next_report:
            say(f"step {step}, {time.monotonic() - start:.0f} s, training loss "
                f"{sum(recent) / len(recent):.4f}, held-out loss "
                f"{held_out_loss(average, held_out):.4f} nats/byte")
            save(average, arguments.out)
            recent, next_report = [], next_report + 60 * arguments.checkpoint_minutes
    save(average, arguments.out)
    say(f"done: step {step}, {step * arguments.batch * CONTEXT} bytes seen, held-out loss "
        f"{held_out_loss(average, held_out):.4f} nats/byte")


if __name__ == "__main__":
    main()
