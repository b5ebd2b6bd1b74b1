#!/usr/bin/env bash
# Makes what bench/gpu.sh needs on a machine that cannot make it: engines of the small model for sm_90 with the
# interpreter's logits, and the headers of the engine file's plan. Needs the compiler (build/bin) and flatc.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
bin=$root/build/bin out=$root/bench/carry small=0
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
    --small) small=1 ;;
    --help | -h) usage; exit 0 ;;
    *) echo "carry.sh: unknown option '$1'; see --help" >&2; exit 2 ;;
  esac
  shift
done
for tool in qcc qcc-eval; do
  [ -x "$bin/$tool" ] || { echo "carry.sh: $bin/$tool does not exist; build it or give --bin" >&2; exit 1; }
done

model=$root/test/models/small
# "Acts" and what follows in the held-out text, as bytes.
tokens() { head -c "$1" "$model/heldout.txt" | od -An -v -tu1 | tr -s ' \n' ',' | sed 's/^,//; s/,$//'; }

# preset, K/V type, tokens of the prompt, tokens to generate, limits of the largest and of the root mean square error. An
# engine rounds where the interpreter does, but sums in another order; in fp8 a value that rounds the other way is 2^-4
# off, in bf16 2^-8.
cases=(
  "none bf16 64 32 0.012 0.004"
  "fp8 bf16 64 32 0.08 0.025" "fp8 fp8 64 32 0.08 0.025"
  "w4a16 bf16 64 32 0.012 0.004" "w4a16 bf16 300 8 0.012 0.004" "w4a16 fp8 64 32 0.03 0.01"
)
[ $small = 0 ] || cases=("fp8 bf16 7 2 0.08 0.025")

rm -rf "$out.new"
mkdir -p "$out.new/generated"
flatc --cpp --cpp-std c++17 --scoped-enums -o "$out.new/generated" "$root/runtime/schema/plan.fbs"
include=$(dirname "$(find /usr/include /usr/local/include -path '*/flatbuffers/flatbuffers.h' 2>/dev/null | head -n 1)")
cp -r "$include" "$out.new/generated/flatbuffers"

index=
for each in "${cases[@]}"; do
  read -r quant kv length new max rms <<<"$each"
  engine=$quant-$kv.qengine logits=$quant-$kv-$length.npy prompt=$(tokens "$length")
  echo "carry.sh: $engine, $length tokens" >&2
  [ -e "$out.new/$engine" ] ||
    "$bin/qcc" "$model" --target sm_90 --quant "$quant" --kv-cache-dtype "$kv" --quiet -o "$out.new/$engine"
  "$bin/qcc-eval" "$model" --quant "$quant" --kv-cache-dtype "$kv" --tokens "$prompt" --max-new "$new" --ignore-eos \
    --logits "$out.new/$logits" >/dev/null
  index+="${index:+,}
  {\"name\": \"$quant, K/V $kv, prompt of $length, $new generated\", \"engine\": \"$engine\", \"tokens\": \"$prompt\",
   \"max_new\": $new, \"logits\": \"$logits\", \"max_error\": $max, \"rms_error\": $rms}"
done
printf '{"cases": [%s\n]}\n' "$index" >"$out.new/carry.json"
rm -rf "$out"
mv "$out.new" "$out"
du -sh "$out" >&2
