-- Variants and calls: the bulk tables, in partitions by contig, and what guards them. COPY writes them, inside a unit.
SET LOCAL ROLE genogate_owner;

CREATE TABLE genogate_store.variants (
  load_id        uuid NOT NULL,
  variant_id     bigint NOT NULL,
  pos            bigint NOT NULL,
  end_pos        bigint,
  qual           double precision,
  alt_index      integer,
  -- As written in the file.
  chrom          text NOT NULL,
  -- chr1 -> 1, chrM and M -> MT, any other name as it is.
  contig         text NOT NULL,
  ids            text[],
  ref            text,
  -- Null for '.'.
  alt            text,
  -- Null for '.', {PASS}, or the filters that failed.
  filters        text[],
  -- Every INFO field, as the text of a JSON object: numbers, arrays with nulls, true for flags; NaN and infinities as strings
  -- that cast to float8. Null for an empty one. The server takes text in at less than half of what jsonb costs.
  info           text,
  -- As written in the file, when normalization changed them.
  orig_pos       bigint,
  orig_ref       text,
  orig_alt       text
) PARTITION BY LIST (contig);

CREATE TABLE genogate_store.calls (
  load_id        uuid NOT NULL,
  variant_id     bigint NOT NULL,
  input          integer NOT NULL,
  sample_index   integer NOT NULL,
  contig         text NOT NULL,
  -- Text of GT as in the file.
  gt             text,
  -- Every other FORMAT field, as in info.
  format         text
) PARTITION BY LIST (contig);

-- COPY into a table with row security is refused, so a statement trigger guards every table rows can be copied into.
CREATE FUNCTION genogate_store.guard_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  IF NOT EXISTS (
    SELECT FROM genogate_store.open_units u WHERE u.xid = pg_current_xact_id_if_assigned() AND u.pid = pg_backend_pid()
  ) THEN
    RAISE EXCEPTION 'rows enter % only inside a unit of a load in progress', TG_TABLE_NAME
      USING ERRCODE = 'GG500';
  END IF;
  RETURN NULL;
END
$$;

DO $$
DECLARE
  parent text;
  leaf   text;
  contig text;
BEGIN
  FOREACH parent IN ARRAY ARRAY['variants', 'calls'] LOOP
    FOREACH contig IN ARRAY ARRAY['1','2','3','4','5','6','7','8','9','10','11','12','13','14','15','16','17','18','19',
                                  '20','21','22','X','Y','MT', NULL] LOOP
      leaf := parent || '_' || coalesce(lower(contig), 'other');
      EXECUTE format('CREATE TABLE genogate_store.%I PARTITION OF genogate_store.%I %s', leaf, parent,
                     CASE WHEN contig IS NULL THEN 'DEFAULT' ELSE format('FOR VALUES IN (%L)', contig) END);
      EXECUTE format('CREATE TRIGGER guard_insert BEFORE INSERT ON genogate_store.%I
                      FOR EACH STATEMENT EXECUTE FUNCTION genogate_store.guard_insert()', leaf);
    END LOOP;
    EXECUTE format('CREATE TRIGGER guard_insert BEFORE INSERT ON genogate_store.%I
                    FOR EACH STATEMENT EXECUTE FUNCTION genogate_store.guard_insert()', parent);
  END LOOP;
END
$$;

-- Long annotations are compressed: where the server has LZ4, at a fraction of its own method's cost.
DO $$
DECLARE
  leaf regclass;
BEGIN
  FOR leaf IN SELECT relid FROM pg_catalog.pg_partition_tree('genogate_store.variants') LOOP
    EXECUTE pg_catalog.format('ALTER TABLE %s ALTER COLUMN info SET COMPRESSION lz4', leaf);
  END LOOP;
EXCEPTION WHEN feature_not_supported OR invalid_parameter_value THEN
  NULL;
END
$$;

-- Adds the columns that are not there yet; p_columns: {"info.AF": "float8[]", …}. Their types are those that the encoder knows
-- and that come back from the server as they went there.
CREATE FUNCTION genogate_store.prepare_columns(p_columns jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp
SET client_min_messages = 'warning' SET lock_timeout = '30s' AS $$
DECLARE
  -- A table has 1600 columns at most, for ever: a dropped one counts too.
  most   constant integer := 400;
  wanted record;
  held   text;
  locked boolean := false;
BEGIN
  PERFORM access.require('loads:write');
  FOR wanted IN SELECT key, value #>> '{}' AS kind FROM jsonb_each(p_columns) ORDER BY key LOOP
    IF wanted.key !~ '^info[.].' OR octet_length(wanted.key) > 63
       OR wanted.kind !~ '^(bool|int2|int4|int8|float4|float8|numeric|text|uuid|date|timestamp|timestamptz)(\[\])?$' THEN
      RAISE EXCEPTION 'this cannot be a column of variants' USING ERRCODE = 'GG200';
    END IF;
    LOOP
      SELECT format_type(atttypid, NULL) INTO held FROM pg_attribute
        WHERE attrelid = 'genogate_store.variants'::regclass AND attname = wanted.key AND NOT attisdropped;
      EXIT WHEN FOUND OR locked;
      -- Two sessions that add the same column take turns.
      LOCK TABLE genogate_store.variants IN ACCESS EXCLUSIVE MODE;
      locked := true;
    END LOOP;
    IF held IS NULL THEN
      IF (SELECT count(*) >= most FROM pg_attribute
          WHERE attrelid = 'genogate_store.variants'::regclass AND starts_with(attname, 'info.')) THEN
        RAISE EXCEPTION 'this database has % columns under sink.postgres.columns, and has room for no more; the others are in info', most
          USING ERRCODE = 'GG200';
      END IF;
      EXECUTE format('ALTER TABLE genogate_store.variants ADD COLUMN %I %s', wanted.key, wanted.kind);
    ELSIF held::regtype <> wanted.kind::regtype THEN
      RAISE EXCEPTION 'a column under sink.postgres.columns holds another type in this database: %, not %', held, wanted.kind
        USING ERRCODE = 'GG200';
    END IF;
  END LOOP;
  IF locked THEN
    PERFORM genogate_store.define_variants();
  END IF;
END
$$;

-- A visible load's rows as they are stored, by id: what the views show, in the form it was written. Who holds a load sees what is not
-- visible of it, too.
CREATE FUNCTION genogate_store.stored_variants(p_load uuid, p_low bigint, p_high bigint) RETURNS SETOF genogate_store.variants
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:read');
  SELECT * FROM genogate_store.variants
  WHERE variant_id BETWEEN p_low AND p_high
    AND variant_id < (SELECT CASE WHEN genogate_store.is_holder(p_load) THEN (l.load_no::bigint + 1) << 41 ELSE l.shown_below << 21 END
                      FROM genogate_store.loads l
                      WHERE l.load_id = p_load AND l.load_no = p_low >> 41 AND l.load_no = p_high >> 41)
$$;

CREATE FUNCTION genogate_store.stored_calls(p_load uuid, p_low bigint, p_high bigint) RETURNS SETOF genogate_store.calls
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:read');
  SELECT * FROM genogate_store.calls
  WHERE variant_id BETWEEN p_low AND p_high
    AND variant_id < (SELECT CASE WHEN genogate_store.is_holder(p_load) THEN (l.load_no::bigint + 1) << 41 ELSE l.shown_below << 21 END
                      FROM genogate_store.loads l
                      WHERE l.load_id = p_load AND l.load_no = p_low >> 41 AND l.load_no = p_high >> 41)
$$;

-- Rows that name the load and whose ids are outside its range, and entries of its quarantine.
CREATE FUNCTION genogate_store.recount(p_load uuid, OUT o_stray bigint, OUT o_quarantined bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  number bigint;
BEGIN
  PERFORM access.require('loads:read');
  SELECT load_no INTO STRICT number FROM genogate_store.loads WHERE load_id = p_load;
  SELECT (SELECT count(*) FROM genogate_store.variants WHERE load_id = p_load AND variant_id >> 41 <> number)
       + (SELECT count(*) FROM genogate_store.calls WHERE load_id = p_load AND variant_id >> 41 <> number) INTO o_stray;
  SELECT count(DISTINCT (unit, line)) INTO o_quarantined FROM genogate_store.quarantine WHERE load_id = p_load;
END
$$;

-- On the parents only: routing reaches the leaves without a privilege on them.
GRANT INSERT ON genogate_store.variants, genogate_store.calls TO genogate_app;
GRANT EXECUTE ON FUNCTION
  genogate_store.prepare_columns(jsonb), genogate_store.stored_variants(uuid, bigint, bigint),
  genogate_store.stored_calls(uuid, bigint, bigint), genogate_store.recount(uuid)
TO genogate_app;

RESET ROLE;
