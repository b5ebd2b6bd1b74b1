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
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-2} OMP_WAIT_POLICY=passive TOKENIZERS_PARALLELISM=false HF_HUB_OFFLINE=1

python=$work/venv-references/bin/python
if [ ! -f "$work/venv-references/pip-freeze.txt" ]; then
  python3 -m venv "$work/venv-references"
  "$work/venv-references/bin/pip" install -q -r "$here/requirements.txt"
  "$work/venv-references/bin/pip" freeze >"$work/venv-references/pip-freeze.txt"
fi
"$python" -B "$here/references_test.py" 2>"$work/references_test.txt" || { cat "$work/references_test.txt" >&2; exit 1; }
[ -f "$work/data/heldout.npy" ] || "$python" "$here/make_calibration.py" "$work/data"

# PROGRAM:NAME,... of the runs. Those that look at no calibration data are run for one seed alone; slow ones come last.
without_data=(llmcompressor_runs:w4-rtn,w3-rtn,fp8-dynamic,int8-rtn)
fast=(
  llmcompressor_runs:w4-gptq,w4-gptq-static,w4-gptq-imatrix,w3-gptq
  llmcompressor_runs:int8-smooth-0.3,int8-smooth-0.5,int8-smooth-0.7,int8-smooth-0.85
  sparsegpt:sparsegpt wanda:wanda kv:kv-int8-tensor,kv-fp8-tensor)
slow=(autoround_runs:w4-autoround llmcompressor_runs:w3-gptq-static,w4-rtn-imatrix,w4-awq)

# evaluate MODEL [RESULT...]: logits and distances of the results that have none yet, and of the float model
evaluate() {
  local result missing=
  for result in "${@:2}"; do [ ! -f "$result/result.json" ] || [ -f "$result/summary.json" ] || missing=1; done
  [ "$missing" ] || return 0
  "$python" "$here/forward.py" "$work/models/$1" "$work/data/heldout.npy" "$work/results/$1/float.npy" "${@:2}" \
    >>"$work/results/$1/evaluate.log" 2>&1
}

# reference PROGRAM NAMES MODEL SEED
reference() {
  local out=$work/results/$3/seed$4 name missing=
  for name in ${2//,/ }; do [ -f "$out/$name/result.json" ] || missing=1; done
  [ "$missing" ] || return 0
  mkdir -p "$out"
  echo "$(date +%H:%M:%S) $3 seed $4: $2"
  nice -n 10 "$python" "$here/references/$1.py" "$2" "$work/models/$3" "$work/data/calib-seed$4.npy" "$out" >>"$out/$1.log" 2>&1 ||
    { echo "run.sh: $2 failed; see $out/$1.log" >&2; return 1; }
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
done

failed=0
for runs in "${without_data[*]} ${fast[*]}" "${slow[*]}"; do
  for seed in "${seeds[@]}"; do
    for model in "${models[@]}"; do
      for run in $runs; do
        [[ "$run" != "${without_data[0]}" || $seed = 0 ]] || continue
        reference "${run%%:*}" "${run#*:}" "$model" "$seed" || failed=1
        evaluate "$model" "$work/results/$model/seed$seed"/*/ || { echo "run.sh: see $work/results/$model/evaluate.log" >&2; exit 1; }
      done
    done
  done
done
exit $failed
