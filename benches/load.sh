#!/usr/bin/env bash
# Loading against its floors, in turns: wall time of a whole load (file -> committed, indexed, visible rows) and of psql copying
# the very same rows, encoded beforehand, over TLS on two connections into clones of the tables, indexes built after.
#
#   benches/load.sh [--rounds N] [SITES.vcf.gz]
#
# Without a file one is generated. GENOGATE names the program (default: target/release/genogate, else the one on the path). Every
# load goes into an empty warehouse of its own; the floors use the same server settings. Needs some 5 GB in TMPDIR.
set -euo pipefail

rounds=3
while [[ ${1:-} == --* ]]; do
    case $1 in
    --rounds) rounds=$2 ;;
    *) echo "unknown option $1" >&2 && exit 2 ;;
    esac
    shift 2
done

here=$(cd "$(dirname "$0")/.." && pwd)
genogate=${GENOGATE:-${CARGO_TARGET_DIR:-$here/target}/release/genogate}
[[ -x $genogate ]] || genogate=$(command -v genogate) || { echo "no genogate: build it with cargo build --release" >&2 && exit 1; }

work=$(mktemp -d)
chmod 755 "$work"
stop() { for home in "$work"/{floor,loads}; do GENOGATE_HOME=$home "$genogate" db stop >/dev/null 2>&1 || true; done; rm -rf "$work"; }
trap stop EXIT
sites=${1:-$work/sites.vcf.gz}
[[ -e $sites ]] || "$genogate" synth sites --records 200000 --output "$sites"

floor=$work/floor loads=$work/loads
on_floor() { GENOGATE_HOME=$floor "$genogate" db shell -- -q -At -v ON_ERROR_STOP=1 "$@"; }
as_app() { GENOGATE_HOME=$floor "$genogate" db shell --app -- -q -v ON_ERROR_STOP=1 "$@"; }
load=(load "$sites" --profile research --json)
info=$({ zcat "$sites" 2>/dev/null || true; } | sed -n 's/^##INFO=<ID=\([^,]*\),.*/info.\1/p; /^#CHROM/q' | paste -sd,)

# The rows, once: as the load stores them, and with every INFO field as a column.
echo "preparing the floors" >&2
GENOGATE_HOME=$floor "$genogate" db start >/dev/null
dump() { # NAME COLUMNS: two files, as two writers would have written them
    local parity
    for parity in 0 1; do
        on_floor -c "\\copy (SELECT $2 FROM genogate_store.variants WHERE (variant_id >> 21) % 2 = $parity ORDER BY variant_id) TO '$work/$1.$parity' (FORMAT binary)"
    done
}
GENOGATE_HOME=$floor "$genogate" "${load[@]}" >"$work/report" 2>/dev/null
rows=$(sed 's/.*"variants":\([0-9]*\).*/\1/' "$work/report")
dump same '*'
columns=$(on_floor -c "SELECT string_agg(format('%I', attname), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'genogate_store.variants'::regclass AND attnum > 0")
GENOGATE_HOME=$floor "$genogate" "${load[@]}" --force --set "sink.postgres.columns=[$info]" >/dev/null 2>&1
own=$(on_floor -c "SELECT string_agg(format('%I', attname), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'genogate_store.variants'::regclass AND attname LIKE 'info._%'")
plain="chrom, pos, end_pos, ids, ref, alt, qual, filters, $own"
dump plain "$plain"
on_floor <<SQL
CREATE SCHEMA floor;
GRANT USAGE ON SCHEMA floor TO genogate_app;
CREATE FUNCTION floor.empty() RETURNS void LANGUAGE plpgsql AS \$\$
DECLARE
  leaf record;
BEGIN
  DROP TABLE IF EXISTS floor.same, floor.plain;
  CREATE TABLE floor.same (LIKE genogate_store.variants) PARTITION BY LIST (contig);
  FOR leaf IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
              WHERE i.inhparent = 'genogate_store.variants'::regclass LOOP
    EXECUTE format('CREATE TABLE floor.%I PARTITION OF floor.same %s', 'same_' || leaf.relname, leaf.bound);
  END LOOP;
  CREATE TABLE floor.plain AS SELECT $plain FROM genogate_store.variants LIMIT 0;
  GRANT INSERT ON floor.same, floor.plain TO genogate_app;
END \$\$;
TRUNCATE genogate_store.variants;
SQL

copy_both() { # NAME COLUMNS
    as_app -c "\\copy floor.$1 ($2) FROM '$work/$1.0' (FORMAT binary)" &
    as_app -c "\\copy floor.$1 ($2) FROM '$work/$1.1' (FORMAT binary)"
    wait $!
}
index() { # NAME ON: the indexes a load builds, then statistics
    on_floor -c "SET maintenance_work_mem = '256MB'" -c "CREATE INDEX ON floor.$1 ($2)" "${@:3}" -c "ANALYZE floor.$1"
}
copy_same() {
    copy_both same "$columns"
    index same 'contig, pos' -c "CREATE INDEX ON floor.same (variant_id)" -c "CREATE INDEX ON floor.same USING brin (load_id)"
}
copy_plain() {
    copy_both plain "$plain"
    index plain 'chrom, pos'
}
whole_load() { GENOGATE_HOME=$loads /usr/bin/time -f '%M' -o "$work/peak" "$genogate" "${load[@]}" "$@" >"$work/report" 2>/dev/null; }
prepare_floor() { on_floor -c "SELECT floor.empty()" -c CHECKPOINT; }
prepare_load() {
    GENOGATE_HOME=$loads "$genogate" db reset --yes >/dev/null 2>&1 || true
    GENOGATE_HOME=$loads "$genogate" db start >/dev/null
    GENOGATE_HOME=$loads "$genogate" db shell -- -q -c CHECKPOINT
}

names=("load" "load, all INFO typed" "the same rows by psql, 2 connections" "plain typed table by psql, 2 connections")
works=("whole_load" "whole_load --set sink.postgres.columns=[$info]" "copy_same" "copy_plain")
prepares=(prepare_load prepare_load prepare_floor prepare_floor)
times=()
for ((round = 1; round <= rounds; round++)); do
    for i in "${!names[@]}"; do
        echo "round $round of $rounds: ${names[i]}" >&2
        ${prepares[i]} >/dev/null
        start=$(date +%s%N)
        ${works[i]} >/dev/null
        times[i]="${times[i]:-} $((($(date +%s%N) - start) / 1000000))"
        [[ ${works[i]} != whole_load ]] || peak=$(tail -1 "$work/peak")
        GENOGATE_HOME=$loads "$genogate" db stop >/dev/null 2>&1 || true
    done
done

median() { printf '%s\n' $1 | sort -n | sed -n "$((rounds / 2 + 1))p"; }
base=$(median "${times[0]}")
printf '%s rows of %s, %s rounds\n' "$rows" "$(basename "$sites")" "$rounds"
for i in "${!names[@]}"; do
    awk -v name="${names[i]}" -v ms="$(median "${times[i]}")" -v base="$base" \
        'BEGIN { printf "  %-44s %8.2f s   the load takes %5.2f x\n", name, ms / 1000, base / ms }'
done
printf '  peak memory of the load: %s MB\n' "$((peak / 1024))"
