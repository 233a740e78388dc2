#!/usr/bin/env bash
# Fills corpus/ with seeds for every target: heads and pieces of a folder's VCF and BCF files. Usage: fuzz/seed.sh FOLDER
# (such as the one GENOGATE_TEST_DATA names). Needs gzip; bcftools, where installed, adds small BCF files.
set -eu # no pipefail: `head` closes pipes early here
cd "$(dirname "$0")"
[ $# = 1 ] && [ -d "$1" ] || { echo "usage: $0 FOLDER" >&2; exit 2; }
folder=$1
mkdir -p corpus/{header,record,bgzf,bcf}

# put TARGET PREFIX: standard input as a seed behind PREFIX (the bytes in which a target takes its settings).
put() {
    local seed
    seed=$(mktemp)
    { printf '%b' "$2"; cat; } >"$seed"
    mv "$seed" "corpus/$1/seed-$(sha256sum <"$seed" | cut -c1-16)"
}

text() { if gzip -t "$1" 2>/dev/null; then gzip -dc "$1"; else cat "$1"; fi; }

rm -rf corpus/*/seed-*
find "$folder" -type f \( -name '*.vcf' -o -name '*.vcf.gz' -o -name '*.vcf.bgz' -o -name '*.bcf' \) | sort | while read -r file; do
    if [ "$(text "$file" | head -c 3 | tr -d '\0')" = BCF ]; then
        text "$file" | head -c 60000 | put bcf '\x00\xff\xff'
        continue
    fi
    head=$(text "$file" | head -c 400000 | grep -a '^#' || true)
    body=$(text "$file" | head -c 2000000 | grep -av '^#' | cut -f1-11 || true)
    { printf '%s\n' "$head" || true; } 2>/dev/null | head -c 60000 | put header ''
    # Few records a seed: the fuzzer puts seeds together.
    for options in '\x00' '\x01' '\x08' '\x02'; do
        { printf '%s\n' "$body" || true; } 2>/dev/null | head -n 3 | cut -c1-2000 | put record "$options\x03\x40"
    done
    printf '%s\n' "$body" | tail -n 2 | cut -c1-2000 | put record '\x00\x05\x10'
    small=$(printf '%s\n' "$head" | grep -a -e '^##fileformat' -e '^#CHROM' | cut -f1-11; { printf '%s\n' "$body" || true; } 2>/dev/null | head -n 6 | cut -c1-800)
    for mode in '\x01' '\x02' '\x03' '\x81'; do
        printf '%s\n' "$small" | put bgzf "$mode\x10\x20\x50\x01"
    done
    printf '%s\n' "$small" | gzip -c | put bgzf '\x00\x10\x00\x00\x00'
    if command -v bcftools >/dev/null; then
        { printf '%s\n' "$head"; { printf '%s\n' "$body" || true; } 2>/dev/null | head -n 4; } | cut -f1-11 | bcftools view -Ou - 2>/dev/null | put bcf '\x00\x10\x20'
    fi
done
find corpus -type f -size 0 -delete
for target in corpus/*; do echo "$target: $(find "$target" -type f | wc -l) seeds"; done
