#!/usr/bin/env bash
# Makes what bench/gpu.sh needs on a machine that cannot make it: engines of the small model for sm_90 with the
# interpreter's logits and the limits of docs/testing.md (bench/driver/carry.py), and the headers of the engine file's
# plan. Needs the compiler (build/bin), flatc and Python with numpy (QCC_PYTHON).
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/build/bin out=$root/bench/carry small=()
usage() {
  cat <<'END'
usage: bench/carry.sh [--bin DIR] [--out DIR] [--small]
  --bin DIR   folder of qcc and qcc-eval (default: build/bin)
  --out DIR   default: bench/carry, which git ignores
  --small     one engine and a short prompt, for a test
END
}
while [ $# -gt 0 ]; do
  case $1 in
    --bin | --out)
      [ $# -ge 2 ] || { echo "carry.sh: $1 needs a value" >&2; exit 2; }
      if [ "$1" = --bin ]; then bin=$2; else out=$2; fi
      shift ;;
    --small) small=(--small) ;;
    --help | -h) usage; exit 0 ;;
    *) echo "carry.sh: unknown option '$1'; see --help" >&2; exit 2 ;;
  esac
  shift
done
for tool in qcc qcc-eval; do
  [ -x "$bin/$tool" ] || { echo "carry.sh: $bin/$tool does not exist; build it or give --bin" >&2; exit 1; }
done

python=${QCC_PYTHON:-python3}
"$python" -c 'import numpy' 2>/dev/null ||
  { echo "carry.sh: $python has no numpy; set QCC_PYTHON to one that has" >&2; exit 1; }

rm -rf "$out.new"
mkdir -p "$out.new/generated"
flatc --cpp --cpp-std c++17 --scoped-enums -o "$out.new/generated" "$root/runtime/schema/plan.fbs"
include=$(dirname "$(find /usr/include /usr/local/include -path '*/flatbuffers/flatbuffers.h' 2>/dev/null | head -n 1)")
cp -r "$include" "$out.new/generated/flatbuffers"

"$python" -B "$root/bench/driver/carry.py" --bin "$bin" --out "$out.new" "${small[@]}"
rm -rf "$out"
mv "$out.new" "$out"
du -sh "$out" >&2
