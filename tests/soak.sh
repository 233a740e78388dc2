#!/usr/bin/env bash
# Repeats the fault tests with new seeds: tests/soak.sh [TIMES, 100 unless said] [FILTER, all fault tests unless said].
# Ends at the first failure and says the seed that repeats it.
set -euo pipefail
cd "$(dirname "$0")/.."
times=${1:-100}
filter=${2:-faults::}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

cargo test --locked --quiet --test suite --no-run
for ((turn = 1; turn <= times; turn++)); do
    seed=${GENOGATE_FAULT_SEED:-$((RANDOM << 15 | RANDOM))}
    began=$SECONDS
    if ! GENOGATE_FAULT_SEED=$seed GENOGATE_FAULT_ROUNDS=${GENOGATE_FAULT_ROUNDS:-5} \
        cargo test --locked --quiet --test suite -- "$filter" >"$log" 2>&1; then
        cat "$log"
        echo "turn $turn of $times failed; again: GENOGATE_FAULT_SEED=$seed tests/soak.sh 1 $filter" >&2
        exit 1
    fi
    echo "turn $turn of $times: seed $seed, $(grep -o '[0-9]* passed' "$log"), $((SECONDS - began)) s"
done
