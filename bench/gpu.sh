#!/usr/bin/env bash
# Builds the kernel library, the runtime and the tools that need no LLVM, checks every kernel, runs carried engines, times
# kernels beside PyTorch's, and writes one report. bench/README.md says what a machine must have and what to carry to it.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
usage() {
  cat <<'END'
usage: bench/gpu.sh [options]
  --dry             run on the simulator with small shapes: tests this script, not the kernels' speed
  --quick           time a subset of the shapes, without torch.compile
  --out DIR         where the report goes (default: bench/results)
  --build DIR       use the programs in DIR/bin instead of building in build-gpu/
  --carry DIR       what bench/carry.sh made (default: bench/carry)
  --no-engine       do not run carried engines; otherwise their absence is a failure
  --no-check        do not run kernel-check
  --every N         check each N-th kernel case only
  --class NAME      time only classes that begin with NAME, such as "gemm s4"; may be repeated
  --seconds N       start no timing later than N seconds after the build (default: 420)

exit status: 0 if everything that ran was right, 1 if something failed (the report says what), 2 usage
examples
  bench/gpu.sh --quick
  bench/gpu.sh --dry --no-engine --build build --out build/dry
END
}

build= out=$root/bench/results carry=$root/bench/carry dry=0
pass=()
while [ $# -gt 0 ]; do
  case $1 in
    --dry) dry=1 pass+=("$1") ;;
    --quick | --no-engine | --no-check) pass+=("$1") ;;
    --out | --build | --carry | --every | --class | --seconds)
      [ $# -ge 2 ] || { echo "gpu.sh: $1 needs a value" >&2; exit 2; }
      case $1 in
        --out) out=$2 ;;
        --build) build=$2 ;;
        --carry) carry=$2 ;;
        *) pass+=("$1" "$2") ;;
      esac
      shift ;;
    --help | -h) usage; exit 0 ;;
    *) echo "gpu.sh: unknown option '$1'; see --help" >&2; exit 2 ;;
  esac
  shift
done
mkdir -p "$out"
out=$(cd "$out" && pwd)
[ ! -d "$carry" ] || carry=$(cd "$carry" && pwd)
python=${QCC_PYTHON:-python3}

# Ends with a report that holds one failure: a GPU's time was spent, so the reason must not be lost with the terminal.
give_up() {
  echo "gpu.sh: $1" >&2
  "$python" -B "$root/bench/driver/main.py" "${pass[@]}" --bin "${build:-none}/bin" --out "$out" --error "$1" || true
  exit 1
}

# NVRTC: a toolkit's, or the one that PyTorch's packages brought.
if [ -z "${CUDA_HOME:-}" ] && command -v nvcc >/dev/null; then
  CUDA_HOME=$(dirname "$(dirname "$(readlink -f "$(command -v nvcc)")")")
  export CUDA_HOME
fi
if [ -z "${QCC_NVRTC:-}" ] && [ ! -e "${CUDA_HOME:-/usr/local/cuda}/lib64/libnvrtc.so.13" ]; then
  found=$("$python" -c 'import glob, sys
for folder in sys.path:
    for path in glob.glob(folder + "/nvidia/*/lib/libnvrtc.so.13"):
        print(path)' 2>/dev/null | head -n 1)
  [ -z "$found" ] || export QCC_NVRTC=$found
fi

if [ -z "$build" ]; then
  build=$root/build-gpu
  # The engine file's plan: flatc and its headers where installed, else what bench/carry.sh put aside.
  flags=()
  if ! command -v flatc >/dev/null || [ ! -e /usr/include/flatbuffers/flatbuffers.h ]; then
    [ -e "$carry/generated/plan_generated.h" ] ||
      give_up "flatc is not installed and $carry/generated is missing; make it with bench/carry.sh and carry it along"
    flags+=("-DQCCRT_GENERATED_DIR=$carry/generated")
  fi
  targets=(kernel-check qcc_bench qcc-run)
  simulator=OFF
  if [ $dry = 1 ]; then
    simulator=ON
    targets+=(qccsim)
  fi
  echo "gpu.sh: building in $build (log: $out/build.log)"
  began=$SECONDS
  { cmake -G "Unix Makefiles" -S "$root" -B "$build" -DCMAKE_BUILD_TYPE=Release -DQCC_ENABLE_COMPILER=OFF \
      -DQCC_BUILD_TESTS=OFF -DQCC_ENABLE_SIMULATOR=$simulator -DQCCSIM_TESTS=OFF "${flags[@]}" &&
    cmake --build "$build" --parallel "$(nproc)" --target "${targets[@]}"; } >"$out/build.log" 2>&1 || {
    tail -n 30 "$out/build.log" >&2
    give_up "the build failed: $(grep -m 1 -iE 'error' "$out/build.log" || tail -n 1 "$out/build.log")"
  }
  echo "gpu.sh: built in $((SECONDS - began)) s"
fi
build=$(cd "$build" && pwd)

export QCC_KERNEL_CACHE=${QCC_KERNEL_CACHE:-$build/kernel-cache}
if [ $dry = 1 ]; then
  export QCC_LIBCUDA=${QCC_LIBCUDA:-$build/bin/libqccsim.so}
fi
exec "$python" -B "$root/bench/driver/main.py" "${pass[@]}" --bin "$build/bin" --out "$out" --carry "$carry"
