"""Reads and writes safetensors files with numpy alone, bfloat16 included.

numpy has no bfloat16: such a tensor is held as its 16-bit patterns (uint16) beside the dtype's name.
A tensor here is a pair (dtype, array): dtype is the safetensors name, array the stored elements.
"""

import json

import numpy as np

STORAGE = {"BF16": np.uint16, "F16": np.float16, "F32": np.float32}


def bf16_from_f32(values):
    """Bit patterns of `values` rounded to nearest, ties to even. Finite values only."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32)
    if not np.isfinite(values).all():
        raise ValueError("cannot round a value that is not finite to bf16")
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16)


def f32_from_bf16(patterns):
    """The exact f32 values of bf16 bit patterns."""
    return (patterns.astype(np.uint32) << 16).view(np.float32)


def encode(dtype, values):
    """The tensor (dtype, stored elements) of f32 `values`."""
    if dtype == "BF16":
        return dtype, bf16_from_f32(values)
    return dtype, np.ascontiguousarray(values, dtype=STORAGE[dtype])


def decode(tensor):
    """The f32 values of a tensor (dtype, stored elements)."""
    dtype, array = tensor
    return f32_from_bf16(array) if dtype == "BF16" else array.astype(np.float32)


def header_of(tensors, metadata=None):
    """The header's dictionary for tensors laid end to end in the given order."""
    header = {"__metadata__": metadata} if metadata else {}
    offset = 0
    for name, (dtype, array) in tensors.items():
        header[name] = {"dtype": dtype, "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    return header


def file_bytes(header, data):
    """A file's bytes; `header` is a dictionary, or bytes taken as they are."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + data


def data_bytes(tensors):
    return b"".join(np.ascontiguousarray(array).tobytes() for _, array in tensors.values())


def save_bytes(tensors):
    """A safetensors file's bytes for {name: (dtype, array)}."""
    return file_bytes(header_of(tensors, {"format": "pt"}), data_bytes(tensors))


def save(path, tensors):
    with open(path, "wb") as file:
        file.write(save_bytes(tensors))


def load(path):
    """Reads a well-formed safetensors file of BF16, F16 and F32 tensors as {name: (dtype, array)}."""
    with open(path, "rb") as file:
        raw = file.read()
    length = int.from_bytes(raw[:8], "little")
    tensors = {}
    for name, entry in json.loads(raw[8:8 + length]).items():
        if name == "__metadata__":
            continue
        begin, end = (8 + length + offset for offset in entry["data_offsets"])
        array = np.frombuffer(raw[begin:end], dtype=STORAGE[entry["dtype"]])
        tensors[name] = (entry["dtype"], array.reshape(entry["shape"]))
    return tensors
