//! The statements that count a load: what an allele is, what a call is, as bcftools says it. It must not know what the counts are for.
//!
//! Parameters: $1 the load, $2 and $3 the range of its variants' ids, $4 and $5 the units and how many samples each has.

/// The load's alleles: `variant_id, contig, pos, n` (0 for a row without ALT), `kind`, and for SNPs `change` such as `A>C` where the first
/// bases differ. Kinds are those of htslib's `bcf_get_variant_type`: what is left of REF and ALT without their common ends.
const ALLELES: &str = r"
alleles AS (
  SELECT v.variant_id, v.contig, v.pos, coalesce(a.n, 0)::int AS n,
    CASE
      WHEN a.alt IS NULL OR a.alt IN ('.', '<*>', '<X>', '<NON_REF>') OR upper(a.alt) = upper(v.ref) THEN 'reference'
      WHEN a.alt = '*' THEN 'overlap'
      WHEN a.alt ~ '[][]' THEN 'breakend'
      WHEN starts_with(a.alt, '<') THEN 'symbolic'
      WHEN length(v.ref) = 1 AND length(a.alt) = 1 THEN 'snp'
      WHEN length(v.ref) = length(a.alt) THEN CASE WHEN ends.same = length(v.ref) - 1 THEN 'snp' ELSE 'mnp' END
      WHEN length(v.ref) < length(a.alt) AND ends.same >= length(v.ref) THEN 'insertion'
      WHEN length(v.ref) > length(a.alt) AND ends.same >= length(a.alt) THEN 'deletion'
      ELSE 'other'
    END AS kind,
    CASE WHEN upper(left(v.ref, 1)) <> upper(left(a.alt, 1)) THEN upper(left(v.ref, 1)) || '>' || upper(left(a.alt, 1)) END AS change
  FROM genogate.variants v LEFT JOIN LATERAL unnest(string_to_array(v.alt, ',')) WITH ORDINALITY a(alt, n) ON true
  LEFT JOIN LATERAL (
    -- How many bases the alleles have in common from the front and from the back; once over each, however long they are.
    SELECT coalesce(min(i) FILTER (WHERE get_byte(r, i) <> get_byte(x, i)), short)
         + coalesce(min(i) FILTER (WHERE get_byte(r, length(r) - 1 - i) <> get_byte(x, length(x) - 1 - i)), short) AS same
    FROM (SELECT convert_to(upper(v.ref), 'UTF8') AS r, convert_to(upper(a.alt), 'UTF8') AS x,
            least(length(v.ref), length(a.alt)) AS short OFFSET 0) alleles, generate_series(0, short - 1) i
    WHERE length(v.ref) + length(a.alt) > 2
    GROUP BY short
  ) ends ON true
  WHERE v.load_id = $1 AND v.variant_id >= $2 AND v.variant_id < $3
)";

/// The load's calls, classed as bcftools does: one missing allele makes a call `missing`, one allele makes it haploid.
const CALLS: &str = r"
calls AS (
  SELECT variant_id, input, sample_index, alleles,
    CASE
      WHEN gt IS NULL OR gt !~ '^[/|]?[0-9]+([/|][0-9]+)*$' THEN 'missing'
      WHEN gt !~ '[/|][0-9]+$' OR cardinality(alleles) = 1 THEN CASE WHEN gt ~ '[1-9]' THEN 'haploid_alt' ELSE 'haploid_ref' END
      WHEN gt !~ '[1-9]' THEN 'hom_ref'
      WHEN alleles[1] <> ALL (alleles) THEN 'het'
      WHEN EXISTS (SELECT FROM unnest(alleles) x WHERE x <> alleles[1]) THEN 'het'
      ELSE 'hom_alt'
    END AS class,
    CASE WHEN format->>'DP' ~ '^[0-9]{1,9}$' THEN (format->>'DP')::int END AS depth
  FROM genogate.calls WHERE load_id = $1 AND variant_id >= $2 AND variant_id < $3
)";

/// `contig, kind, change, count`.
pub fn kinds() -> String {
    format!(
        "WITH {ALLELES} SELECT contig, kind, CASE WHEN kind = 'snp' THEN change END AS change, count(*)
         FROM alleles GROUP BY 1, 2, 3"
    )
}

/// `quality, count` over rows: whole numbers, 10000 at most, null for none.
pub const QUALITIES: &str = "SELECT CASE WHEN qual > 10000 THEN 10000 ELSE floor(qual) END::int, count(*) FROM genogate.variants
    WHERE load_id = $1 AND variant_id >= $2 AND variant_id < $3 GROUP BY 1";

/// `depth, count` over calls.
pub fn depths() -> String {
    format!("WITH {CALLS} SELECT least(depth, 10000), count(*) FROM calls WHERE depth IS NOT NULL GROUP BY 1")
}

/// `kind, allele count is 1, frequency bin, count` over alleles: 20 bins of the frequency among called alleles, null where that is not
/// known. `stored`: every call is; else a call that is not stored is two alleles of REF, and nothing is said of X, Y and M.
pub fn frequencies(stored: bool) -> String {
    let called = match stored {
        true => "coalesce(s.an, 0)",
        false => {
            "CASE WHEN a.contig NOT IN ('X', 'Y', 'M', 'MT') THEN coalesce(s.an, 0) + 2 * (u.samples - coalesce(s.calls, 0)) END"
        }
    };
    format!(
        "WITH {ALLELES}, {CALLS},
         units AS (SELECT unit, samples FROM unnest($4::int[], $5::bigint[]) u(unit, samples)),
         sites AS (SELECT variant_id, count(*) AS calls, sum(cardinality(array_remove(alleles, NULL))) AS an FROM calls GROUP BY 1),
         counts AS (SELECT c.variant_id, x.n, count(*) AS ac FROM calls c CROSS JOIN LATERAL unnest(c.alleles) x(n) WHERE x.n > 0 GROUP BY 1, 2),
         counted AS (
           SELECT a.kind, coalesce(k.ac, 0) AS ac, {called} AS an
           FROM alleles a JOIN units u ON u.unit = (a.variant_id >> 21 & 1048575)
           LEFT JOIN sites s ON s.variant_id = a.variant_id
           LEFT JOIN counts k ON k.variant_id = a.variant_id AND k.n = a.n
           WHERE a.n > 0 AND u.samples > 0)
         SELECT kind, ac = 1, CASE WHEN ac < an THEN floor(20.0 * ac / an) WHEN an > 0 THEN 19 END::int, count(*) FROM counted GROUP BY 1, 2, 3"
    )
}

/// `bin, count` over rows with samples: 0 for no missing call, then one for each twentieth of the samples begun.
pub fn missing() -> String {
    format!(
        "WITH {CALLS},
         units AS (SELECT unit, samples FROM unnest($4::int[], $5::bigint[]) u(unit, samples)),
         gone AS (SELECT variant_id, count(*) AS missing FROM calls WHERE class = 'missing' GROUP BY 1)
         SELECT ceil(20.0 * coalesce(g.missing, 0) / u.samples)::int, count(*)
         FROM genogate.variants v JOIN units u ON u.unit = (v.variant_id >> 21 & 1048575)
         LEFT JOIN gone g ON g.variant_id = v.variant_id
         WHERE v.load_id = $1 AND v.variant_id >= $2 AND v.variant_id < $3 AND u.samples > 0 GROUP BY 1"
    )
}

/// A row a sample column of an input; its counts are in the order of `Counts`. $4 and $5 are `from` and `to` (both included) of
/// the parts of X that Y has too.
pub fn samples() -> String {
    let unshared =
        "k.contig = 'X' AND NOT EXISTS (SELECT FROM unnest($4::bigint[], $5::bigint[]) p(a, b) WHERE k.pos BETWEEN p.a AND p.b)";
    let transition = "('A>G', 'G>A', 'C>T', 'T>C')";
    // Index 0 of an array is null: REF has no kind.
    let of = |array: &str| format!("ARRAY[k.{array}[c.alleles[1]], k.{array}[c.alleles[2]]]");
    let (kinds, changes) = (of("kinds"), of("changes"));
    format!(
        "WITH {ALLELES}, {CALLS},
         k AS (SELECT variant_id, min(contig) AS contig, min(pos) AS pos, array_agg(kind ORDER BY n) AS kinds,
                      array_agg(CASE WHEN kind = 'snp' THEN change END ORDER BY n) AS changes FROM alleles WHERE n > 0 GROUP BY 1),
         one AS (SELECT variant_id FROM calls WHERE class IN ('het', 'hom_alt') GROUP BY 1 HAVING count(*) = 1),
         c AS (
           SELECT c.input, c.sample_index, c.class, c.depth, one.variant_id IS NOT NULL AS alone, {unshared} AS on_x,
             'snp' = ANY ({kinds}) AS snp, {kinds} && ARRAY['insertion', 'deletion'] AS indel,
             coalesce(({changes})[1], ({changes})[2]) AS change
           FROM calls c LEFT JOIN k ON k.variant_id = c.variant_id LEFT JOIN one ON one.variant_id = c.variant_id)
         SELECT input, sample_index,
           count(*), count(*) FILTER (WHERE class = 'missing'), count(*) FILTER (WHERE class = 'hom_ref'),
           count(*) FILTER (WHERE class = 'het'), count(*) FILTER (WHERE class = 'hom_alt'),
           count(*) FILTER (WHERE class = 'haploid_ref'), count(*) FILTER (WHERE class = 'haploid_alt'),
           count(*) FILTER (WHERE class = 'het' AND snp), count(*) FILTER (WHERE class = 'hom_alt' AND snp),
           count(*) FILTER (WHERE class IN ('het', 'hom_alt') AND indel),
           count(*) FILTER (WHERE class IN ('het', 'hom_alt') AND snp AND change IN {transition}),
           count(*) FILTER (WHERE class IN ('het', 'hom_alt') AND snp AND change NOT IN {transition}),
           count(*) FILTER (WHERE class IN ('het', 'hom_alt') AND alone),
           coalesce(sum(depth), 0)::bigint, count(depth),
           count(*) FILTER (WHERE on_x AND snp AND class = 'het'), count(*) FILTER (WHERE on_x AND snp AND class = 'hom_alt'),
           count(*) FILTER (WHERE on_x AND snp AND class = 'haploid_alt')
         FROM c GROUP BY 1, 2"
    )
}
