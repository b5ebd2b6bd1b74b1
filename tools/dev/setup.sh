#!/usr/bin/env bash
# Installs what qcc needs on Debian 12: pinned LLVM/MLIR 22, build tools, OpenBLAS, FlatBuffers, and CUDA 13's compiler libraries
# from PyPI where no CUDA toolkit is found. Every version is listed, with the reason, in docs/dependencies.md.
set -euo pipefail

llvm_version='1:22.1.8-1~deb12u1'
cuda_version='13.0.*'
cuda_wheels_dir=${QCC_CUDA_WHEELS:-/opt/qcc-cuda}

packages=(
  "libmlir-22-dev=$llvm_version" "mlir-22-tools=$llvm_version" "llvm-22-dev=$llvm_version" "llvm-22-tools=$llvm_version"
  g++ cmake ninja-build ccache git python3 python3-venv python3-numpy clang-format-14
  libopenblas-dev zlib1g-dev libflatbuffers-dev flatbuffers-compiler libgtest-dev libbenchmark-dev
)

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

missing=()
for package in "${packages[@]}"; do
  name=${package%%=*} want=${package#*=}
  have=$(dpkg-query -W -f '${db:Status-Status} ${Version}' "$name" 2>/dev/null || true)
  if [ "$want" = "$package" ]; then
    [ "${have%% *}" = installed ] || missing+=("$package")
  else
    [ "$have" = "installed $want" ] || missing+=("$package")
  fi
done
if [ ${#missing[@]} -gt 0 ]; then
  echo "setup: installing ${#missing[@]} Debian packages: ${missing[*]%%=*}"
  as_root apt-get update -qq
  if ! DEBIAN_FRONTEND=noninteractive as_root apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null; then
    echo "setup: apt-get could not install them; libmlir-22-dev $llvm_version is in Debian 12's security archive (bookworm-security main)" >&2
    exit 1
  fi
fi

# CUDA: a toolkit of version 13 if there is one, else the compiler's libraries from PyPI.
cuda_root=
for candidate in "${CUDA_HOME:-}" /usr/local/cuda /usr/local/cuda-13.0 /opt/cuda; do
  if [ -n "$candidate" ] && [ -e "$candidate/include/cuda.h" ] && ls "$candidate"/lib64/libnvrtc.so.13* >/dev/null 2>&1; then
    cuda_root=$candidate
    break
  fi
done
if [ -n "$cuda_root" ]; then
  echo "setup: CUDA toolkit: $cuda_root"
elif [ -d "$cuda_wheels_dir/nvidia" ]; then
  echo "setup: CUDA compiler libraries: $cuda_wheels_dir"
else
  echo "setup: no CUDA 13 toolkit in CUDA_HOME or the usual places; installing NVRTC, ptxas and headers into $cuda_wheels_dir"
  venv=$(mktemp -d)
  python3 -m venv "$venv"
  as_root mkdir -p "$cuda_wheels_dir"
  as_root "$venv/bin/pip" install -q --target "$cuda_wheels_dir" "nvidia-cuda-nvrtc==$cuda_version" "nvidia-cuda-runtime==$cuda_version" \
    "nvidia-cuda-nvcc==$cuda_version" "nvidia-cuda-crt==$cuda_version" "nvidia-nvvm==$cuda_version"
  rm -rf "$venv"
fi
echo "setup: done"
