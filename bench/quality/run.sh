#!/usr/bin/env bash
# Measures the reference quantizers on the small model and on its outlier variant. Steps that are done are skipped: run it
# again after an interruption. README.md says what is measured.
#
#   bench/quality/run.sh WORK [small|outlier ...]      WORK: a folder outside the repository, about 10 GB
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
work=$(mkdir -p "${1:?usage: run.sh WORK [small|outlier ...]}" && cd "$1" && pwd)
shift
models=("$@")
[ $# -gt 0 ] || models=(small outlier)
seeds=(${QCC_QUALITY_SEEDS:-0 1 2})
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1

python=$work/venv-references/bin/python
if [ ! -f "$work/venv-references/pip-freeze.txt" ]; then
  python3 -m venv "$work/venv-references"
  "$work/venv-references/bin/pip" install -q -r "$here/requirements.txt"
  "$work/venv-references/bin/pip" freeze >"$work/venv-references/pip-freeze.txt"
fi
"$python" -B "$here/references_test.py" 2>"$work/references_test.txt" || { cat "$work/references_test.txt" >&2; exit 1; }
[ -f "$work/data/heldout.npy" ] || "$python" "$here/make_calibration.py" "$work/data"

# PROGRAM:NAME of the runs. Those that look at no calibration data are run once.
without_data=(llmcompressor_runs:{w4-rtn,w3-rtn,fp8-dynamic,int8-rtn})
with_data=(llmcompressor_runs:{w4-gptq,w4-gptq-static,w4-gptq-imatrix,w4-awq,w4-rtn-imatrix,w3-gptq,w3-gptq-static}
  llmcompressor_runs:int8-smooth-{0.3,0.5,0.7,0.85} sparsegpt:sparsegpt wanda:wanda kv:kv-{int8,fp8}-tensor
  autoround_runs:w4-autoround)

# reference PROGRAM NAME MODEL SEED
reference() {
  local out=$work/results/$3/seed$4/$2 model=$work/models/$3
  if [ ! -f "$out/result.json" ]; then
    echo "$(date +%H:%M:%S) $3 seed $4: $2"
    mkdir -p "$out"
    if ! nice -n 10 "$python" "$here/references/$1.py" "$2" "$model" "$work/data/calib-seed$4.npy" "$out" >"$out/log.txt" 2>&1; then
      echo "run.sh: $2 failed; see $out/log.txt" >&2
      return 1
    fi
  fi
  if [ ! -f "$out/summary.json" ]; then
    nice -n 10 "$python" "$here/forward.py" "$model" "$out" "$work/data/heldout.npy" "$out/logits.npy" >>"$out/log.txt" 2>&1
    nice -n 10 "$python" "$here/kl.py" "$work/results/$3/float.npy" "$out/logits.npy" --tokens-file "$work/data/heldout.npy" \
      --per-token "$out/tokens.npz" >"$out/summary.json.partial"
    mv "$out/summary.json.partial" "$out/summary.json"
  fi
}

for model in "${models[@]}"; do
  folder=$work/models/$model
  if [ ! -e "$folder" ]; then
    mkdir -p "$work/models"
    case $model in
      small) ln -s "$root/test/models/small" "$folder" ;;
      outlier) "$python" "$root/tools/dev/models/make-outlier-variant.py" "$root/test/models/small" "$folder" ;;
      *) echo "run.sh: no model \"$model\"; there are small and outlier" >&2; exit 1 ;;
    esac
  fi
  mkdir -p "$work/results/$model"
  [ -f "$work/results/$model/float.npy" ] ||
    "$python" "$here/forward.py" "$folder" float "$work/data/heldout.npy" "$work/results/$model/float.npy"
done

failed=0
for seed in "${seeds[@]}"; do
  for model in "${models[@]}"; do
    runs=("${with_data[@]}")
    [ "$seed" != 0 ] || runs=("${without_data[@]}" "${with_data[@]}")
    for run in "${runs[@]}"; do reference "${run%%:*}" "${run#*:}" "$model" "$seed" || failed=1; done
  done
done
exit $failed
