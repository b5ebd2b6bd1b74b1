#!/usr/bin/env python3
"""Checks what the runtime is made of: a thin library that a server can load beside anything.

usage: check-links.py LIBQCCRT [PROGRAM...]

The library must be smaller than 2 MB, export the C ABI and nothing else, and need only the C library. Programs given after it must not need
LLVM or MLIR either. Exits 1 and names each breach.
"""
import os
import re
import subprocess
import sys

SYSTEM = {"libc.so.6", "libm.so.6", "libdl.so.2", "libpthread.so.0", "ld-linux-x86-64.so.2"}
LIMIT = 2_000_000


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def needed(path):
    return set(re.findall(r"\(NEEDED\)\s+Shared library: \[(.+?)\]", output("readelf", "-d", path)))


def breaches(library, programs):
    size = os.path.getsize(library)
    if size >= LIMIT:
        yield f"{library}: {size} bytes, must be less than {LIMIT}"
    for name in sorted(needed(library) - SYSTEM):
        yield f"{library}: needs {name}; the runtime may need only the C library"
    exported = {line.split()[-1] for line in output("nm", "-D", "--defined-only", library).splitlines()}
    if not any(name == "qccrt_step" for name in exported):
        yield f"{library}: does not export qccrt_step"
    for name in sorted(exported):
        if not name.startswith("qccrt_"):
            yield f"{library}: exports {name}; hide it (runtime/exports.map)"
    for program in programs:
        for name in sorted(needed(program)):
            if re.match(r"lib(LLVM|MLIR)", name):
                yield f"{program}: needs {name}; tools of the runtime must not"


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    found = list(breaches(sys.argv[1], sys.argv[2:]))
    for breach in found:
        print(breach)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
