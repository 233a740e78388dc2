#!/usr/bin/env bash
# genogate against its peers on the same files, in turns: medians of wall time, and how many times as long each peer takes.
#
#   benches/peers.sh [--rounds N] [--with-python FOLDER] [SITES.vcf.gz [TRIO.vcf.gz [COHORT.vcf.gz]]]
#
# Without files they are generated. GENOGATE names the program (default: target/release/genogate, else the one on the path).
# --with-python makes a virtual environment in FOLDER with cyvcf2, oxbow and polars-bio. A peer that is absent is said aloud.
set -euo pipefail

rounds=5
python=python3
while [[ ${1:-} == --* ]]; do
    case $1 in
    --rounds) rounds=$2 ;;
    --with-python)
        [[ -x $2/bin/python ]] || python3 -m venv "$2"
        "$2/bin/pip" install --quiet cyvcf2 oxbow polars-bio pyarrow
        python=$2/bin/python
        ;;
    *) echo "unknown option $1" >&2 && exit 2 ;;
    esac
    shift 2
done

here=$(cd "$(dirname "$0")/.." && pwd)
target=${CARGO_TARGET_DIR:-$here/target}
genogate=${GENOGATE:-$target/release/genogate}
[[ -x $genogate ]] || genogate=$(command -v genogate) || { echo "no genogate: build it with cargo build --release" >&2 && exit 1; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sites=${1:-$work/sites.vcf.gz}
trio=${2:-$work/trio.vcf.gz}
cohort=${3:-$work/cohort.vcf.gz}
[[ -e $sites ]] || "$genogate" synth sites --records 100000 --output "$sites"
[[ -e $trio ]] || "$genogate" synth trio --records 50000 --output "$trio"
[[ -e $cohort ]] || "$genogate" synth cohort --records 2000 --samples 1000 --output "$cohort"

# The same bytes without an index beside them, and BCF.
plain_name=$work/noindex.vcf.gz
ln -s "$(realpath "$sites")" "$plain_name"
have() { command -v "$1" >/dev/null; }
bcf=$work/cohort.bcf
if have bcftools; then bcftools view -Ob -o "$bcf" "$cohort"; fi

names=() commands=()
add() { # NAME COMMAND…: taken when its program is there
    local name=$1
    shift
    names+=("$name")
    commands+=("$(printf '%q ' "$@")")
}
importable() {
    "$python" -c "import $1" 2>/dev/null || { echo "skipped: $1 is not installed (try --with-python FOLDER)" >&2 && return 1; }
}

run_group() { # TITLE; the first of `names` is what the others are held against
    local title=$1 round i start end
    local -a times=()
    for ((round = 0; round < rounds; round++)); do
        for i in "${!names[@]}"; do
            start=$(date +%s%N)
            bash -c "${commands[i]}" >/dev/null 2>"$work/stderr" || { echo "failed: ${names[i]}" >&2 && cat "$work/stderr" >&2; }
            end=$(date +%s%N)
            times[i]="${times[i]:-} $(((end - start) / 1000000))"
        done
    done
    local base=
    printf '\n%s\n' "$title"
    for i in "${!names[@]}"; do
        local median peak
        # shellcheck disable=SC2086 # one word a time
        median=$(printf '%s\n' ${times[i]} | sort -n | sed -n "$((rounds / 2 + 1))p")
        [[ -n $base ]] || base=$median
        peak=-
        if [[ -x /usr/bin/time ]]; then
            /usr/bin/time -f %M -o "$work/peak" bash -c "exec ${commands[i]}" >/dev/null 2>&1 && peak="$(($(tail -1 "$work/peak") / 1024)) MB"
        fi
        awk -v name="${names[i]}" -v median="$median" -v base="$base" -v peak="$peak" \
            'BEGIN { printf "  %-44s %8.3f s  %6.2f x  %s\n", name, median / 1000, median / (base > 0 ? base : 1), peak }'
    done
    names=() commands=()
}

fields() { # FILE KIND: the ids of the header
    zcat -f "$1" 2>/dev/null | sed -n "s/^##$2=<ID=\([^,]*\),.*/\1/p; /^#CHROM/q" || true
}

add "genogate decode, 1 thread" "$genogate" benchmark decode "$sites" --threads 1
add "genogate inflate" "$genogate" benchmark inflate "$sites" --threads 1
add "genogate decode, no INFO" "$genogate" benchmark decode "$sites" --threads 1 --info none
add "genogate decode, quarantine" "$genogate" benchmark decode "$sites" --threads 1 --quarantine
add "genogate decode, 2 threads" "$genogate" benchmark decode "$sites" --threads 2
add "genogate decode, 2 threads, no index" "$genogate" benchmark decode "$plain_name" --threads 2
if have bgzip; then add "bgzip -dc" bgzip -dc "$sites"; else echo "skipped: bgzip is not installed" >&2; fi
if have bcftools; then
    query='%CHROM\t%POS\t%ID\t%REF\t%ALT\t%QUAL\t%FILTER'
    for id in $(fields "$sites" INFO); do query+="\t%INFO/$id"; done
    add "bcftools query, all INFO" bcftools query -f "$query\n" "$sites"
    add "bcftools view -Ou" bcftools view -Ou "$sites"
else
    echo "skipped: bcftools is not installed" >&2
fi
if importable polars_bio; then
    add "polars-bio, all INFO" env POLARS_MAX_THREADS=1 "$python" -c '
import sys, polars_bio as pb
pb.set_option("datafusion.execution.target_partitions", "1")
frame = pb.scan_vcf(sys.argv[1], info_fields=sys.argv[2:]).collect()
print(frame.height)' "$sites" $(fields "$sites" INFO)
fi
if importable oxbow; then
    add "oxbow, all fields" "$python" -c '
import sys, oxbow as ox
rows = 0
for batch in ox.from_vcf(sys.argv[1], compression="bgzf").batches():
    rows += batch.num_rows
print(rows)' "$sites"
fi
if importable cyvcf2; then
    add "cyvcf2, all INFO" "$python" -c '
import sys, cyvcf2
rows = 0
for variant in cyvcf2.VCF(sys.argv[1]):
    variant.ID, variant.QUAL, variant.FILTER
    for key, value in variant.INFO:
        pass
    rows += 1
print(rows)' "$sites"
fi
run_group "sites: $(basename "$sites")"

add "genogate decode, calls, 1 thread" "$genogate" benchmark decode "$trio" --threads 1 --info none
add "genogate decode, INFO too, 1 thread" "$genogate" benchmark decode "$trio" --threads 1
if have bcftools; then
    format=
    for id in $(fields "$trio" FORMAT); do format+="\t%$id"; done
    add "bcftools query, all FORMAT" bcftools query -f "%CHROM\t%POS\t%REF\t%ALT[$format]\n" "$trio"
    add "bcftools view -Ou" bcftools view -Ou "$trio"
fi
run_group "trio: $(basename "$trio")"

add "genogate decode, all calls" "$genogate" benchmark decode "$cohort" --threads 1
add "genogate decode, carriers" "$genogate" benchmark decode "$cohort" --threads 1 --calls carriers
if have bcftools; then
    add "bcftools view -Ou" bcftools view -Ou "$cohort"
    add "bcftools query GT" bcftools query -f '%CHROM\t%POS[\t%GT]\n' "$cohort"
fi
run_group "cohort: $(basename "$cohort")"

if [[ -e $bcf ]]; then
    add "genogate decode, all calls" "$genogate" benchmark decode "$bcf" --threads 1
    add "genogate decode, carriers" "$genogate" benchmark decode "$bcf" --threads 1 --calls carriers
    add "bcftools query GT" bcftools query -f '%CHROM\t%POS[\t%GT]\n' "$bcf"
    if importable polars_bio; then
        add "polars-bio, GT" env POLARS_MAX_THREADS=1 "$python" -c '
import sys, polars_bio as pb
pb.set_option("datafusion.execution.target_partitions", "1")
print(pb.scan_bcf(sys.argv[1], format_fields=["GT"]).collect().height)' "$bcf"
    fi
    run_group "cohort as BCF"
fi
