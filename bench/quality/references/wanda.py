#!/usr/bin/env python3
"""2:4 Wanda (Sun and others, 2023) in double precision, as the paper states it.

Of every four weights of a row, the two with the smallest |w| sqrt(E[x^2]) become 0; the others stay.

    wanda.py NAME MODEL CALIB.npy OUT
"""

import pruning


def prune(weight, moment):
    scores = (weight.abs() * moment.diagonal().sqrt()).unflatten(1, (-1, 4))
    groups = weight.unflatten(1, (-1, 4))
    return groups.scatter(2, scores.topk(2, dim=2, largest=False).indices, 0).flatten(1)


if __name__ == "__main__":
    pruning.command_line(prune, "Wanda as its paper states it, float64")
