#!/usr/bin/env python3
"""2:4 SparseGPT (Frantar and Alistarh, 2023, algorithm 1) in double precision, as the paper states it.

    H = E[x xT] + 0.01 mean(diag) I,  U the upper Cholesky factor of H^-1;  columns from left to right:
    at every fourth, of each row the two of the next four with the smallest w^2 / U_jj^2 are chosen;
    a chosen weight becomes 0 and what follows in its row is moved by -(w / U_jj) U[j, j+1:].

The paper updates lazily in blocks of 128 columns, which changes the order of sums alone.

    sparsegpt.py NAME MODEL CALIB.npy OUT
"""

import torch

import pruning

DAMPING, BLOCK = 0.01, 128


def prune(weight, moment):
    dead = moment.diagonal() == 0
    moment.diagonal()[dead] = 1
    weight[:, dead] = 0
    moment.diagonal().add_(DAMPING * moment.diagonal().mean())
    factor = torch.linalg.cholesky(torch.cholesky_inverse(torch.linalg.cholesky(moment)), upper=True)
    for begin in range(0, weight.shape[1], BLOCK):
        end = min(begin + BLOCK, weight.shape[1])
        errors = torch.zeros(weight.shape[0], end - begin, dtype=weight.dtype)
        for j in range(begin, end):
            if j % 4 == 0:
                scores = weight[:, j:j + 4] ** 2 / factor.diagonal()[j:j + 4] ** 2
                chosen = torch.zeros_like(scores, dtype=torch.bool)
                chosen.scatter_(1, scores.topk(2, dim=1, largest=False).indices, True)
            error = torch.where(chosen[:, j % 4], weight[:, j], 0) / factor[j, j]
            weight[:, j:end] -= error[:, None] * factor[j, j:end]
            weight[chosen[:, j % 4], j] = 0  # exactly, not the difference of equals
            errors[:, j - begin] = error
        weight[:, end:] -= errors @ factor[begin:end, end:]
    return weight


if __name__ == "__main__":
    pruning.command_line(prune, "SparseGPT as its paper states it, float64")
