-- What people read: visible loads only (complete, or partial without the inputs that were given up), and of them only rows whose id is the load's own. A row's load_id alone proves nothing:
-- whoever may write one unit writes what it likes there. Its unit is below shown_below, which is written as greatest(…) <> … below: of `<`
-- the planner believes that it is true of a third of all rows, and then shuns the index of a sample's calls.
SET LOCAL ROLE genogate_owner;

-- Genotypes as numbers, computed from the stored text where a query asks for them.
--
-- genogate.alleles(gt)  allele numbers in the order of GT, 0 for REF, null for a missing one.
-- genogate.phases(gt)   the sign before each allele, true for '|'; the first is the leading phase, written or implied
--                       (VCF 4.5 section 1.6.2: unphased as soon as one sign is '/').
-- Text that is no genotype, which only a file that declares GT otherwise can hold, gives null, and so does an allele of ten
-- digits or more.
CREATE FUNCTION genogate.is_genotype(gt text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN gt ~ '^[/|]?([.]|[0-9]{1,9})([/|]([.]|[0-9]{1,9}))*$';

CREATE FUNCTION genogate.alleles(gt text) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN genogate.is_genotype(gt) THEN string_to_array(ltrim(translate(gt, '|', '/'), '/'), '/', '.')::integer[] END;

CREATE FUNCTION genogate.phases(gt text) RETURNS boolean[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN genogate.is_genotype(gt) THEN
  string_to_array(
    CASE WHEN gt ~ '^[/|]' THEN '' WHEN strpos(gt, '/') > 0 THEN 'f' ELSE 't' END || translate(gt, '/|.0123456789', 'ft'),
    NULL)::boolean[]
END;

CREATE VIEW genogate.loads WITH (security_barrier) AS
  SELECT load_id, name, CASE status WHEN 'complete' THEN status ELSE 'partial' END AS status, sample_ids, assembly, input_records, variants, calls, quarantined, filtered, out_of_region,
         units, created, finished, options, identity
  FROM genogate_store.loads WHERE shown_below IS NOT NULL;

-- The tags of a sample's input beside it, for conditions.
CREATE VIEW genogate.samples WITH (security_barrier) AS
  SELECT s.load_id, s.input, s.sample_index, s.sample_id,
         (SELECT i.tags FROM genogate_store.inputs i WHERE i.load_id = s.load_id AND i.input = s.input) AS tags
  FROM genogate_store.samples s
  WHERE EXISTS (SELECT FROM genogate_store.loads l JOIN genogate_store.inputs i ON i.load_id = l.load_id AND i.input = s.input
                WHERE l.load_id = s.load_id AND (l.load_no::bigint << 20 | i.first_unit) < l.shown_below);

-- The view of variants over the columns there are: what a pipeline names under `sink.postgres.columns` is a typed column of its
-- own, and `info` shows it too.
CREATE FUNCTION genogate_store.define_variants() RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  own    text;
  merged text;
BEGIN
  SELECT coalesce(string_agg(format(', v.%I', attname), '' ORDER BY attnum), ''),
         coalesce(string_agg(format(' || jsonb_strip_nulls(jsonb_build_object(%L, v.%I))', substr(attname, 6), attname), ''
                             ORDER BY attnum), '')
    INTO own, merged
    FROM pg_attribute
    WHERE attrelid = 'genogate_store.variants'::regclass AND attnum > 0 AND NOT attisdropped AND starts_with(attname, 'info.');
  EXECUTE format($view$
    CREATE OR REPLACE VIEW genogate.variants WITH (security_barrier) AS
      SELECT v.load_id, v.variant_id, v.chrom, v.contig, v.pos, v.end_pos, v.ids, v.ref, v.alt, v.alt_index, v.qual, v.filters,
             coalesce(v.info, '{}')::jsonb%s AS info, v.orig_pos, v.orig_ref, v.orig_alt,
             (SELECT l.assembly FROM genogate_store.loads l WHERE l.load_id = v.load_id) AS assembly%s
      FROM genogate_store.variants v
      WHERE EXISTS (SELECT FROM genogate_store.loads l
                    WHERE l.load_id = v.load_id AND l.load_no = v.variant_id >> 41 AND l.visible = 'yes'
                AND greatest(l.shown_below, v.variant_id >> 21) <> v.variant_id >> 21)
  $view$, merged, own);
END
$$;
SELECT genogate_store.define_variants();

-- phased: every sign is '|'.
CREATE VIEW genogate.calls WITH (security_barrier) AS
  SELECT c.load_id, c.variant_id, c.contig, c.input, c.sample_index, s.sample_id, c.gt, coalesce(c.format, '{}')::jsonb AS format,
         genogate.alleles(c.gt) AS alleles,
         CASE WHEN genogate.is_genotype(c.gt) THEN strpos(c.gt, '/') = 0 END AS phased,
         genogate.phases(c.gt) AS phases
  FROM genogate_store.calls c
  LEFT JOIN genogate_store.samples s
    ON s.load_id = c.load_id AND s.input = c.input AND s.sample_index = c.sample_index
  WHERE EXISTS (SELECT FROM genogate_store.loads l
                WHERE l.load_id = c.load_id AND l.load_no = c.variant_id >> 41 AND l.visible = 'yes'
                AND greatest(l.shown_below, c.variant_id >> 21) <> c.variant_id >> 21);

-- Who carries a variant: variants joined to the calls with an alternate allele. Joining the two views by hand reads a whole
-- partition of calls, as nothing crosses a security barrier on its way; here the join is inside of it.
CREATE VIEW genogate.carriers WITH (security_barrier) AS
  SELECT v.load_id, v.variant_id, v.contig, v.pos, v.end_pos, v.ref, v.alt, v.alt_index, v.ids, v.filters, c.input, c.sample_index,
         s.sample_id, c.gt, genogate.alleles(c.gt) AS alleles
  FROM genogate_store.variants v
  JOIN genogate_store.calls c ON c.contig = v.contig AND c.variant_id = v.variant_id AND c.load_id = v.load_id
  LEFT JOIN genogate_store.samples s
    ON s.load_id = c.load_id AND s.input = c.input AND s.sample_index = c.sample_index
  WHERE c.gt ~ '[1-9]'
    AND EXISTS (SELECT FROM genogate_store.loads l
                WHERE l.load_id = v.load_id AND l.load_no = v.variant_id >> 41 AND l.visible = 'yes'
                AND greatest(l.shown_below, v.variant_id >> 21) <> v.variant_id >> 21);

-- line counts from 1 over the input's lines from the first unit on.
CREATE VIEW genogate.quarantine WITH (security_barrier) AS
  SELECT q.load_id, u.input, q.unit, u.lines_before + q.line + 1 AS line, q.field, q.reason
  FROM genogate_store.quarantine q
  JOIN (SELECT load_id, unit, input,
               coalesce(sum(lines) OVER (PARTITION BY load_id, input ORDER BY unit
                                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::bigint AS lines_before
        FROM genogate_store.units) u ON u.load_id = q.load_id AND u.unit = q.unit
  WHERE EXISTS (SELECT FROM genogate_store.loads l
                WHERE l.load_id = q.load_id AND (l.load_no::bigint << 20 | q.unit) < l.shown_below);

GRANT SELECT ON genogate.loads, genogate.variants, genogate.samples, genogate.calls, genogate.carriers, genogate.quarantine
TO genogate_app;
-- A view asks its reader for these.
GRANT EXECUTE ON FUNCTION genogate.is_genotype(text), genogate.alleles(text), genogate.phases(text) TO genogate_app;

RESET ROLE;
