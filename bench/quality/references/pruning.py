"""One-shot pruning of a model, layer by layer, in double precision: what sparsegpt.py and wanda.py share.

As both papers' programs do: the second moments of the inputs of all linears of one decoder layer come from
the layer with its dense weights, its own input from the layers before it as they are after pruning; then all
linears of the layer are pruned, and the layer's output is computed again.
"""

import time

import torch

import result

BATCH = 8


def moments(layer, run, hidden):
    """{linear: E[x xT] over all tokens} of the linears of one layer, f64."""
    linears = [m for m in layer.modules() if isinstance(m, torch.nn.Linear)]
    sums = {linear: torch.zeros(linear.in_features, linear.in_features, dtype=torch.float64) for linear in linears}

    def hook(linear, inputs):
        x = inputs[0].flatten(0, 1)
        sums[linear].addmm_(x.T, x)
    handles = [linear.register_forward_pre_hook(hook) for linear in linears]
    for batch in hidden:
        run(layer, batch)
    for handle in handles:
        handle.remove()
    tokens = sum(batch.shape[0] * batch.shape[1] for batch in hidden)
    return {linear: total / tokens for linear, total in sums.items()}


@torch.no_grad()
def prune_model(model, tokens_file, prune):
    """Replaces each weight W by prune(W, H), H = E[x xT]; `model` is f64."""
    hidden = [model.model.embed_tokens(ids) for ids in result.batches(tokens_file, BATCH)]
    positions = model.model.rotary_emb(hidden[0], torch.arange(hidden[0].shape[1])[None])

    def run(layer, x):
        return layer(x, position_embeddings=positions)
    for layer in model.model.layers:
        for linear, moment in moments(layer, run, hidden).items():
            linear.weight.copy_(prune(linear.weight.clone(), moment))
        hidden = [run(layer, batch) for batch in hidden]


def check_two_of_four(name, weight):
    kept = (weight.unflatten(1, (-1, 4)) != 0).sum(dim=-1)
    if kept.max() > 2:
        raise AssertionError(f"{name}: a group of four holds {kept.max()} weights that are not zero")


def command_line(prune, tool):
    """The program of a method. The result is stored in bf16, as the model is."""
    def run(_, folder, calibration, out):
        model = result.load_model(folder, torch.float64)
        start = time.monotonic()
        prune_model(model, calibration, prune)
        seconds = time.monotonic() - start
        weights = {name: tensor.to(torch.bfloat16).float() for name, tensor in model.state_dict().items()}
        for name, _ in result.quantized_linears(model):
            check_two_of_four(name, weights[name + ".weight"])
        # Two bf16 values and a four-bit position pair for every four weights.
        result.save(out, weights, "none", (2 * 16 + 4) / 4, seconds, tool)
    result.command_line(run)
