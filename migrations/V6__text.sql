-- INFO and FORMAT as the text of a JSON object, null for an empty one: the server takes it in at less than half of what jsonb
-- costs, and makes jsonb of it where a query asks for `info` or `format`. What a pipeline names under `sink.postgres.columns`
-- has typed columns of its own beside it; the views show them, and `info` holds them too.
SET LOCAL ROLE genogate_owner;

DROP VIEW genogate.variants, genogate.calls;
ALTER TABLE genogate_store.variants ALTER COLUMN info TYPE text USING nullif(info, '{}')::text;
ALTER TABLE genogate_store.calls ALTER COLUMN format TYPE text USING nullif(format, '{}')::text;

-- Long annotations are compressed: where the server has LZ4, at a fraction of its own method's cost.
DO $$
DECLARE
  leaf regclass;
BEGIN
  FOR leaf IN SELECT relid FROM pg_partition_tree('genogate_store.variants') LOOP
    EXECUTE format('ALTER TABLE %s ALTER COLUMN info SET COMPRESSION lz4', leaf);
  END LOOP;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN
  NULL;
END
$$;

-- The view of variants over the columns there are.
CREATE FUNCTION genogate_store.define_variants() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
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
             coalesce(v.info, '{}')::jsonb%s AS info, v.orig_pos, v.orig_ref, v.orig_alt%s
      FROM genogate_store.variants v
      WHERE EXISTS (SELECT FROM genogate_store.loads l WHERE l.load_id = v.load_id AND l.status = 'complete')
  $view$, merged, own);
END
$$;
SELECT genogate_store.define_variants();

-- Adds the columns that are not there yet; p_columns: {"info.AF": "float8[]", …}. The types are those the encoder knows.
CREATE FUNCTION genogate_store.prepare_columns(p_columns jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp
SET client_min_messages = 'warning' SET lock_timeout = '30s' AS $$
DECLARE
  wanted record;
  held   text;
  added  boolean := false;
BEGIN
  PERFORM pg_advisory_xact_lock(1734700655, 0);
  FOR wanted IN SELECT key, value #>> '{}' AS kind FROM jsonb_each(p_columns) ORDER BY key LOOP
    IF wanted.key !~ '^info[.].' OR octet_length(wanted.key) > 63
       OR wanted.kind NOT IN ('bool', 'int4', 'int8', 'float8', 'text', 'bool[]', 'int4[]', 'int8[]', 'float8[]', 'text[]') THEN
      RAISE EXCEPTION 'this cannot be a column of variants' USING ERRCODE = 'GG200';
    END IF;
    SELECT format_type(atttypid, NULL) INTO held FROM pg_attribute
      WHERE attrelid = 'genogate_store.variants'::regclass AND attname = wanted.key AND NOT attisdropped;
    IF NOT FOUND THEN
      EXECUTE format('ALTER TABLE genogate_store.variants ADD COLUMN %I %s', wanted.key, wanted.kind);
      added := true;
    ELSIF held::regtype <> wanted.kind::regtype THEN
      RAISE EXCEPTION 'a column under sink.postgres.columns holds another type in this database: %, not %', held, wanted.kind
        USING ERRCODE = 'GG200';
    END IF;
  END LOOP;
  IF added THEN
    PERFORM genogate_store.define_variants();
  END IF;
END
$$;

CREATE VIEW genogate.calls WITH (security_barrier) AS
  SELECT c.load_id, c.variant_id, c.contig, c.input, c.sample_index, s.sample_id, c.gt, coalesce(c.format, '{}')::jsonb AS format,
         genogate.alleles(c.gt) AS alleles,
         CASE WHEN genogate.is_genotype(c.gt) THEN strpos(c.gt, '/') = 0 END AS phased,
         genogate.phases(c.gt) AS phases
  FROM genogate_store.calls c
  LEFT JOIN genogate_store.samples s
    ON s.load_id = c.load_id AND s.input = c.input AND s.sample_index = c.sample_index
  WHERE EXISTS (SELECT FROM genogate_store.loads l WHERE l.load_id = c.load_id AND l.status = 'complete');

REVOKE ALL ON FUNCTION genogate_store.define_variants(), genogate_store.prepare_columns(jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION genogate_store.prepare_columns(jsonb) TO genogate_app;
REVOKE ALL ON genogate.variants, genogate.calls FROM PUBLIC;
GRANT SELECT ON genogate.variants, genogate.calls TO genogate_app;

RESET ROLE;
