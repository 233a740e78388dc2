#!/usr/bin/env bash
# Loading against its floors and its peers, in turns: wall time of a whole load (file -> committed, indexed, visible rows), and of
# psql copying the very same rows, encoded beforehand, over TLS on two connections into clones of the tables, indexes built after.
#
#   benches/load.sh [--rounds N] [--with-python FOLDER] [SITES.vcf.gz]
#
# --with-python makes virtual environments in FOLDER for two peers: vcf-pg-loader 0.5.4, and polars-bio with ADBC. They get the
# same server over TLS and no index to build at the end. Without it they are skipped, said aloud.
# Without a file one is generated. GENOGATE names the program (default: target/release/genogate, else the one on the path). Every
# load goes into an empty warehouse of its own; the floors use the same server settings. Needs some 5 GB in TMPDIR.
set -euo pipefail

rounds=3 python=
while [[ ${1:-} == --* ]]; do
    case $1 in
    --rounds) rounds=$2 ;;
    --with-python)
        python=$2
        for peers in "vcf-pg-loader==0.5.4" "polars-bio pyarrow adbc-driver-postgresql"; do
            folder=$python/${peers%%[= ]*}
            [[ -x $folder/bin/python ]] || python3 -m venv "$folder"
            # shellcheck disable=SC2086 # several packages
            "$folder/bin/pip" install --quiet $peers
        done
        ;;
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
# A tenth of the records, for what is slow and for what must not grow.
tenth=$work/tenth.vcf
zcat "$sites" | awk -v keep="$(($(zcat "$sites" | grep -vc '^#') / 10))" '/^#/ || n++ < keep' >"$tenth"

floor=$work/floor loads=$work/loads
on_floor() { GENOGATE_HOME=$floor "$genogate" db shell -- -q -At -v ON_ERROR_STOP=1 "$@"; }
as_app() { GENOGATE_HOME=$floor "$genogate" db shell --app -- -q -v ON_ERROR_STOP=1 "$@"; }
load=(load "$sites" --json)
mapfile -t ids < <({ zcat "$sites" 2>/dev/null || true; } | sed -n 's/^##INFO=<ID=\([^,]*\),.*/\1/p; /^#CHROM/q')
info=$(printf '%s\n' "${ids[@]/#/info.}" | paste -sd,)

# The rows, once: as the load stores them, and with every INFO field as a column.
echo "preparing the floors" >&2
GENOGATE_HOME=$floor "$genogate" db start >/dev/null
dump() { # NAME COLUMNS: two files, as two writers would have written them
    local parity
    for parity in 0 1; do
        on_floor -c "\\copy (SELECT $2 FROM genogate_store.variants WHERE (variant_id >> 21) % 2 = $parity ORDER BY variant_id) TO '$work/$1.$parity' (FORMAT binary)"
    done
}
GENOGATE_HOME=$floor "$genogate" "${load[@]}" --profile open >"$work/report" 2>/dev/null
rows=$(sed 's/.*"variants":\([0-9]*\).*/\1/' "$work/report")
dump same '*'
columns=$(on_floor -c "SELECT string_agg(format('%I', attname), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'genogate_store.variants'::regclass AND attnum > 0")
GENOGATE_HOME=$floor "$genogate" "${load[@]}" --profile open --force --set "sink.postgres.columns=[$info]" >/dev/null 2>&1
own=$(on_floor -c "SELECT string_agg(format('%I', attname), ',' ORDER BY attnum) FROM pg_attribute WHERE attrelid = 'genogate_store.variants'::regclass AND attname LIKE 'info._%'")
plain="chrom, pos, end_pos, ids, ref, alt, qual, filters, $own"
dump plain "$plain"
dump keyed "load_id, variant_id, $plain"
on_floor <<SQL
CREATE SCHEMA floor;
GRANT USAGE ON SCHEMA floor TO genogate_app;
CREATE FUNCTION floor.empty() RETURNS void LANGUAGE plpgsql AS \$\$
DECLARE
  leaf record;
BEGIN
  DROP TABLE IF EXISTS floor.same, floor.plain, floor.keyed;
  CREATE TABLE floor.same (LIKE genogate_store.variants) PARTITION BY LIST (contig);
  FOR leaf IN SELECT c.relname, pg_get_expr(c.relpartbound, c.oid) AS bound FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
              WHERE i.inhparent = 'genogate_store.variants'::regclass LOOP
    EXECUTE format('CREATE TABLE floor.%I PARTITION OF floor.same %s', 'same_' || leaf.relname, leaf.bound);
  END LOOP;
  CREATE TABLE floor.plain AS SELECT $plain FROM genogate_store.variants LIMIT 0;
  CREATE TABLE floor.keyed AS SELECT load_id, variant_id, $plain FROM genogate_store.variants LIMIT 0;
  GRANT INSERT ON floor.same, floor.plain, floor.keyed TO genogate_app;
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
all_indexes() { # NAME POSITION
    index "$1" "$2" -c "CREATE INDEX ON floor.$1 (variant_id)" -c "CREATE INDEX ON floor.$1 USING brin (load_id)"
}
copy_same() { copy_both same "$columns" && all_indexes same 'contig, pos'; }
copy_keyed() { copy_both keyed "load_id, variant_id, $plain" && all_indexes keyed 'chrom, pos'; }
copy_plain() { copy_both plain "$plain" && index plain 'chrom, pos'; }

# The peers' database is their own; the application's account, TLS and password are those of the floors.
on_floor -c "CREATE DATABASE peers OWNER genogate_app"
peers_url="postgresql://genogate_app@localhost:$(cat "$floor/postgres/port")/peers?sslmode=verify-full&sslrootcert=$floor/tls/ca.crt"
sed 's/:genogate:genogate_app:/:*:genogate_app:/' "$floor/app.pgpass" >"$work/pgpass"
chmod 600 "$work/pgpass"
export PGPASSFILE=$work/pgpass
predecessor() {
    "$python/vcf-pg-loader/bin/vcf-pg-loader" load "$tenth" --db "$peers_url" --no-progress --force >"$work/predecessor"
}
adbc() {
    "$python/polars-bio/bin/python" - "$sites" "$peers_url" "${ids[@]}" <<'PYTHON' >"$work/adbc"
import sys
import adbc_driver_postgresql.dbapi as adbc
import polars_bio as pb

table = pb.scan_vcf(sys.argv[1], info_fields=sys.argv[3:]).collect().to_arrow()
with adbc.connect(sys.argv[2]) as connection, connection.cursor() as cursor:
    print(cursor.adbc_ingest("ingested", table, mode="replace"))
    connection.commit()
PYTHON
}
prepare_peer() {
    psql -q "$peers_url" -c "DROP SCHEMA public CASCADE" -c "CREATE SCHEMA public" >/dev/null 2>&1
    "$python/vcf-pg-loader/bin/vcf-pg-loader" init-db --db "$peers_url"
    on_floor -c CHECKPOINT
}
whole_load() { GENOGATE_HOME=$loads /usr/bin/time -f '%M' -o "$work/peak" "$genogate" "${load[@]}" "$@" >"$work/report"; }
prepare_floor() { on_floor -c "SELECT floor.empty()" -c CHECKPOINT; }
prepare_load() {
    GENOGATE_HOME=$loads "$genogate" db reset --yes >/dev/null 2>&1 || true
    GENOGATE_HOME=$loads "$genogate" db start >/dev/null
    GENOGATE_HOME=$loads "$genogate" db shell -- -q -c CHECKPOINT
}

names=("load" "load, all INFO typed" "load, every clinical stage" "the same rows by psql, 2 connections"
    "plain typed table by psql, 1 index" "the same with the load's ids, 3 indexes")
works=("whole_load --profile open" "whole_load --profile open --set sink.postgres.columns=[$info]" "whole_load --profile hipaa"
    copy_same copy_plain copy_keyed)
prepares=(prepare_load prepare_load prepare_load prepare_floor prepare_floor prepare_floor)
if [[ -n $python ]]; then
    names+=("vcf-pg-loader 0.5.4, a tenth of the records" "polars-bio and ADBC, no index")
    works+=(predecessor adbc)
    prepares+=(prepare_peer prepare_peer)
else
    echo "skipped: vcf-pg-loader, polars-bio with ADBC (try --with-python FOLDER)" >&2
fi
times=()
for ((round = 1; round <= rounds; round++)); do
    for i in "${!names[@]}"; do
        echo "round $round of $rounds: ${names[i]}" >&2
        ${prepares[i]} >/dev/null
        start=$(date +%s%N)
        ${works[i]} >/dev/null 2>"$work/stderr" || { echo "failed: ${names[i]}" >&2 && cat "$work/stderr" >&2 && exit 1; }
        times[i]="${times[i]:-} $((($(date +%s%N) - start) / 1000000))"
        [[ $i != 0 ]] || peak=$(tail -1 "$work/peak")
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
awk -v ours="$base" -v ms="$(median "${times[2]}")" 'BEGIN { printf "  every clinical stage: %.2f x of the load without\n", ms / ours }'
if [[ -n $python ]]; then
    awk -v ours="$base" -v rows="$rows" -v ms="$(median "${times[6]}")" -v loaded="$(sed -n 's/,//g; s/.*Loaded \([0-9]*\) variants.*/\1/p' "$work/predecessor")" \
        'BEGIN { printf "  vcf-pg-loader, a stored row: %.1f x of the load\n", (ms / loaded) / (ours / rows) }'
fi

# What one load costs: memory at a tenth of the records, the ledger's functions, processor time of both sides.
prepare_load >/dev/null
GENOGATE_HOME=$loads /usr/bin/time -f %M -o "$work/peak" "$genogate" load "$tenth" --profile open --json >/dev/null 2>&1
printf '  peak memory: %s MB; at a tenth of the records %s MB\n' "$((peak / 1024))" "$(($(tail -1 "$work/peak") / 1024))"
prepare_load >/dev/null
on_loads() { GENOGATE_HOME=$loads "$genogate" db shell -- -q -At "$@"; }
on_loads -c "ALTER DATABASE genogate SET track_functions = 'all'"
postmaster=$(head -1 "$loads/postgres/data/postmaster.pid")
ticks() { awk '{ print $16 + $17 }' "/proc/$postmaster/stat"; }
before=$(ticks)
GENOGATE_HOME=$loads /usr/bin/time -f '%e %U %S' -o "$work/cost" "$genogate" "${load[@]}" --profile open >/dev/null 2>&1
sleep 1 # for the backends to be gone, whose time is counted then
server=$(($(ticks) - before))
ledger=$(on_loads -c "SELECT sum(self_time) FROM pg_stat_user_functions WHERE schemaname = 'genogate_store' AND funcname !~ 'index|analyze'")
read -r wall user sys <"$work/cost"
encoder=$("$genogate" benchmark encode "$sites" --json 2>/dev/null | sed 's/.*"encode_seconds":\([0-9.]*\).*/\1/')
awk -v ledger="$ledger" -v wall="$wall" -v user="$user" -v sys="$sys" -v server="$server" -v hz="$(getconf CLK_TCK)" \
    -v encoder="$encoder" 'BEGIN {
    printf "  processor time: loader %.1f s, server %.1f s; encoder %.2f s, %.1f%% of the server'"'"'s\n", user + sys, server / hz, encoder, 100 * encoder * hz / server
    printf "  ledger and units: %.0f ms in the server'"'"'s functions, %.2f%% of %.1f s\n", ledger, ledger / wall / 10, wall
}'
