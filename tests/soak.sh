#!/usr/bin/env bash
# Repeats the fault tests with new seeds: tests/soak.sh [TIMES, 100 unless said] [FILTER, all fault tests unless said].
# Ends at the first failure and says the seed that repeats it. The program is a release build (or GENOGATE_TEST_BINARY): a turn
# takes seconds, and points by chance are spread over the time that a load takes. Clusters lie in memory where there is enough:
# no test takes the machine's power away.
set -euo pipefail
cd "$(dirname "$0")/.."
times=${1:-100}
filter=${2:-faults::}
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if [ -z "${TMPDIR:-}" ] && [ "$(df --output=avail -m /dev/shm 2>/dev/null | tail -n 1)" -ge 4096 ] 2>/dev/null; then
    export TMPDIR=/dev/shm
fi
# More than cores: most tests wait most of the time.
export RUST_TEST_THREADS=${RUST_TEST_THREADS:-6} GENOGATE_FAULT_ROUNDS=${GENOGATE_FAULT_ROUNDS:-5}

if [ -z "${GENOGATE_TEST_BINARY:-}" ]; then
    cargo build --locked --release
    export GENOGATE_TEST_BINARY=${CARGO_TARGET_DIR:-$PWD/target}/release/genogate
fi
suite=$(cargo test --locked --test suite --no-run 2>&1 | tee /dev/stderr | sed -n 's/.*Executable.*(\(.*\))$/\1/p')
for ((turn = 1; turn <= times; turn++)); do
    seed=${GENOGATE_FAULT_SEED:-$((RANDOM << 15 | RANDOM))}
    began=$SECONDS
    if ! GENOGATE_FAULT_SEED=$seed "$suite" "$filter" >"$log" 2>&1; then
        cat "$log"
        echo "turn $turn of $times failed; again: GENOGATE_FAULT_SEED=$seed tests/soak.sh 1 $filter" >&2
        exit 1
    fi
    echo "turn $turn of $times: seed $seed, $(grep -o '[0-9]* passed' "$log"), $((SECONDS - began)) s"
done
