"""Damaged safetensors files and shard indexes, derived from a sound model (see make-bad-checkpoints).

Each function of FILE_CASES takes the sound model's tensors {name: (dtype, array)} and returns the
bytes of model.safetensors; beside it stands a part of the message it must be refused with. Each of
INDEX_CASES returns {file name: bytes} for a sharded directory.
"""

import json

import numpy as np

from checkpoint_io import data_bytes, file_bytes, header_of, save_bytes

Q_PROJ = "model.layers.0.self_attn.q_proj.weight"
NORM = "model.norm.weight"


def edited(tensors, name, **changes):
    """The file with some fields of one header entry replaced."""
    header = header_of(tensors)
    header[name].update(changes)
    return file_bytes(header, data_bytes(tensors))


def raw_header(tensors, old, new):
    """The file with a piece of its header's text replaced."""
    text = json.dumps(header_of(tensors)).encode()
    assert text.count(old) >= 1, old
    return file_bytes(text.replace(old, new, 1), data_bytes(tensors))


def moved(tensors, by):
    """The file whose second tensor begins `by` bytes from the first one's end, with `by` bytes more
    of data where that is positive."""
    header, data = header_of(tensors), data_bytes(tensors)
    for index, entry in enumerate(header.values()):
        if index > 0:
            entry["data_offsets"] = [offset + by for offset in entry["data_offsets"]]
    return file_bytes(header, data + bytes(by) if by > 0 else data[:by])


def with_length(tensors, length):
    return length.to_bytes(8, "little") + save_bytes(tensors)[8:]


def with_value(tensors, name, pattern):
    """The file with one bf16 element of a tensor replaced by a bit pattern."""
    array = tensors[name][1].copy()
    array.flat[array.size // 2] = pattern
    return save_bytes(tensors | {name: ("BF16", array)})


def without(tensors, name):
    return save_bytes({key: value for key, value in tensors.items() if key != name})


def with_extra(tensors, name):
    return save_bytes(tensors | {name: tensors[NORM]})


def transposed(tensors, name):
    return save_bytes(tensors | {name: ("BF16", np.ascontiguousarray(tensors[name][1].T))})


def retyped(tensors, name, dtype):
    return save_bytes(tensors | {name: (dtype, tensors[name][1].view(np.int16))})


LFS_POINTER = (b"version https://git-lfs.github.com/spec/v1\n"
               b"oid sha256:4d7a214614ab2935c943f9e0ff69d22eadbb8f32b1258daaa5e2ca24d17e2393\n"
               b"size 4976698672\n")
DEEP = b'{"a":' * 100_000
# The same name spelt with an escape: a duplicate only after unescaping.
ESCAPED_DUPLICATE = b'"model.norm\\u002eweight": {"dtype": "BF16", "shape": [0], "data_offsets": [0, 0]}'

FILE_CASES = {
    "empty-file": (lambda t: b"", "truncated"),
    "seven-bytes": (lambda t: b"\0" * 7, "truncated"),
    "truncated-header": (lambda t: save_bytes(t)[:100], "truncated"),
    "truncated-data": (lambda t: save_bytes(t)[:-2], "runs past the end of the file"),
    "header-beyond-file": (lambda t: with_length(t, 50_000_000), "truncated"),
    "header-beyond-limit": (lambda t: with_length(t, 100_000_001), "exceeds the limit"),
    "header-length-all-ones": (lambda t: with_length(t, 2**64 - 1), "exceeds the limit"),
    "header-length-zero": (lambda t: with_length(t, 0), "must start with '{'"),
    "lfs-pointer": (lambda t: LFS_POINTER, "git-LFS pointer"),
    "pickle": (lambda t: b"PK\3\4" + bytes(200), "safetensors"),
    "header-not-json": (lambda t: file_bytes(b"{nonsense}", b""), "invalid JSON"),
    "header-array": (lambda t: file_bytes(b"[]", b""), "must start with '{'"),
    "header-comma": (lambda t: raw_header(t, b"}, ", b"},, "), "invalid JSON"),
    "header-unclosed": (lambda t: file_bytes(b'{"a": {"dtype": "F32"', b""), "invalid JSON"),
    "header-after-end": (lambda t: file_bytes(json.dumps(header_of(t)).encode() + b" {}",
                                              data_bytes(t)), "unexpected data after the end"),
    "header-trailing-newline": (lambda t: file_bytes(json.dumps(header_of(t)).encode() + b"\n",
                                                     data_bytes(t)), "unexpected data"),
    "depth-bomb": (lambda t: file_bytes(DEEP, b""), "nested deeper"),
    "invalid-utf8": (lambda t: raw_header(t, b"model.norm", b"mod\xc0\xaf.norm"), "invalid UTF-8"),
    "lone-surrogate": (lambda t: raw_header(t, b"model.norm", b"\\ud800.norm"), "surrogate"),
    "control-character": (lambda t: raw_header(t, b"model.norm", b"model\1norm"),
                          "control character"),
    "duplicate-key": (lambda t: raw_header(t, b"}, ", b'}, "model.embed_tokens.weight": {"dtype": '
                                           b'"U8", "shape": [0], "data_offsets": [0, 0]}, '),
                      "duplicate key"),
    "duplicate-after-unescaping": (lambda t: raw_header(t, b"}, ", b"}, " + ESCAPED_DUPLICATE
                                                        + b", "), "duplicate key"),
    "name-empty": (lambda t: raw_header(t, b'"model.norm.weight"', b'""'), "name must have"),
    "name-nul": (lambda t: raw_header(t, b'"model.norm.weight"', b'"a\\u0000b"'),
                 "name must have"),
    "name-long": (lambda t: raw_header(t, b'"model.norm.weight"', b'"' + b"x" * 1025 + b'"'),
                  "name must have"),
    "metadata-number": (lambda t: file_bytes({"__metadata__": {"format": 1}} | header_of(t),
                                             data_bytes(t)), "__metadata__"),
    "metadata-string": (lambda t: file_bytes({"__metadata__": "pt"} | header_of(t),
                                             data_bytes(t)), "__metadata__"),
    "entry-not-object": (lambda t: raw_header(t, b"}, ", b'}, "x": 3, '), "must be an object"),
    "entry-without-shape": (lambda t: raw_header(t, b'"shape"', b'"shapes"'),
                            "must have exactly"),
    "dtype-unknown": (lambda t: edited(t, Q_PROJ, dtype="BF17"), "unknown dtype"),
    "dtype-lower-case": (lambda t: edited(t, Q_PROJ, dtype="bf16"), "unknown dtype"),
    "dtype-integer": (lambda t: retyped(t, Q_PROJ, "I16"), "supported are F32, F16 and BF16"),
    "shape-float": (lambda t: raw_header(t, b'"shape": [', b'"shape": [1.0, '),
                    "unsigned integers"),
    "shape-negative": (lambda t: edited(t, Q_PROJ, shape=[-16, -16]), "unsigned integers"),
    "shape-exponent": (lambda t: raw_header(t, b'"shape": [', b'"shape": [1e2, '),
                       "unsigned integers"),
    "shape-2e64": (lambda t: edited(t, Q_PROJ, shape=[2**64]), "larger than"),
    "shape-overflow": (lambda t: edited(t, Q_PROJ, shape=[2**32, 2**32]), "size overflows"),
    "shape-overflow-to-fit": (lambda t: edited(t, Q_PROJ, shape=[2**62, 4, 256]),
                              "size overflows"),
    "shape-overflow-behind-zero": (lambda t: edited(t, Q_PROJ, shape=[0, 2**62, 2**62],
                                                    data_offsets=[0, 0]), "size overflows"),
    "rank-nine": (lambda t: edited(t, Q_PROJ, shape=[1] * 7 + [16, 16]), "rank 9"),
    "size-mismatch": (lambda t: edited(t, Q_PROJ, shape=[16, 15]), "do not hold"),
    "offsets-reversed": (lambda t: edited(t, NORM, data_offsets=[32, 0]), "do not hold"),
    "offsets-three": (lambda t: edited(t, NORM, data_offsets=[0, 32, 64]), "two integers"),
    "offsets-beyond-file": (lambda t: edited(t, list(t)[-1], data_offsets=[2**40, 2**40 + 768]),
                            "leave a hole"),
    "overlap": (lambda t: moved(t, -16), "overlap"),
    "hole": (lambda t: moved(t, 16), "leave a hole"),
    "trailing-bytes": (lambda t: save_bytes(t) + b"\0", "belong to no tensor"),
    "missing-tensor": (lambda t: without(t, Q_PROJ), "missing tensor"),
    "missing-head": (lambda t: without(t, "lm_head.weight"), "tie_word_embeddings"),
    "unknown-tensor": (lambda t: with_extra(t, "model.layers.0.self_attn.sinks"),
                       "unknown tensor"),
    "unexpected-bias": (lambda t: with_extra(t, "model.layers.0.self_attn.q_proj.bias"),
                        "unknown tensor"),
    "layer-too-many": (lambda t: with_extra(t, "model.layers.2.input_layernorm.weight"),
                       "unknown tensor"),
    "transposed-tensor": (lambda t: transposed(t, "model.layers.0.mlp.up_proj.weight"),
                          "has shape"),
}

# Nothing but the values is wrong, so these are found when the weights are read.
VALUE_CASES = {
    "nan-weight": (lambda t: with_value(t, Q_PROJ, 0x7FC0), Q_PROJ),
    "infinite-weight": (lambda t: with_value(t, "model.layers.1.mlp.down_proj.weight", 0xFF80),
                        "model.layers.1.mlp.down_proj.weight"),
    "nan-norm": (lambda t: with_value(t, NORM, 0x7F81), NORM),
}


def index(weight_map, **others):
    return json.dumps({"metadata": {}, "weight_map": weight_map} | others).encode()


def halves(tensors):
    names = list(tensors)
    return ({n: tensors[n] for n in names[0::2]}, {n: tensors[n] for n in names[1::2]})


def sharded(tensors, change=lambda files, weight_map: None):
    """A directory of two shards, after `change` has altered files and weight map in place."""
    first, second = halves(tensors)
    files = {"a.safetensors": save_bytes(first), "b.safetensors": save_bytes(second)}
    weight_map = dict.fromkeys(first, "a.safetensors") | dict.fromkeys(second, "b.safetensors")
    change(files, weight_map)
    return files | {"model.safetensors.index.json": index(weight_map)}


def all_from(file):
    return lambda files, weight_map: weight_map.update(dict.fromkeys(weight_map, file))


def unlisted(files, weight_map):
    del weight_map[NORM]


def in_both(tensors):
    first, second = halves(tensors)
    name = next(iter(first))
    return sharded(tensors, lambda files, weight_map: files.update(
        {"b.safetensors": save_bytes(second | {name: first[name]})}))


def indexed(raw):
    return lambda tensors: {"model.safetensors": save_bytes(tensors),
                            "model.safetensors.index.json": raw}


INDEX_CASES = {
    "index-parent": (lambda t: sharded(t, all_from("../a.safetensors")),
                     "leaves the model directory"),
    "index-absolute": (lambda t: sharded(t, all_from("/etc/passwd")), "file name"),
    "index-empty-name": (lambda t: sharded(t, all_from("")), "file name"),
    "index-dot": (lambda t: sharded(t, all_from("./a.safetensors")), "leaves the model directory"),
    "index-nul": (lambda t: sharded(t, all_from("a.safetensors\0b")), "file name"),
    "index-missing-shard": (lambda t: sharded(t, lambda files, _: files.pop("b.safetensors")),
                            "b.safetensors"),
    "index-wrong-shard": (lambda t: sharded(t, all_from("a.safetensors")), "places it there"),
    "index-unlisted-tensor": (lambda t: sharded(t, unlisted), "not listed"),
    "index-tensor-in-both": (in_both, "also stands in"),
    "index-damaged-shard": (lambda t: sharded(t, lambda files, _: files.update(
        {"b.safetensors": LFS_POINTER})), "git-LFS pointer"),
    "index-empty-map": (indexed(index({})), "weight_map is empty"),
    "index-number": (indexed(index({NORM: 3})), "must be a file name"),
    "index-without-map": (indexed(b"{}"), "weight_map"),
    "index-duplicate": (indexed(b'{"weight_map": {"a": "x", "\\u0061": "y"}}'), "duplicate key"),
    "index-depth-bomb": (indexed(b'{"weight_map": ' + b"[" * 100_000), "nested deeper"),
}
