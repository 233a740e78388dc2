-- Columns of their own of every type that the encoder knows and that comes back from the server as it went there.
SET LOCAL ROLE genogate_owner;

-- Adds the columns that are not there yet; p_columns: {"info.AF": "float8[]", …}.
CREATE OR REPLACE FUNCTION genogate_store.prepare_columns(p_columns jsonb) RETURNS void
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
       OR wanted.kind !~ '^(bool|int2|int4|int8|float4|float8|numeric|text|uuid|date|timestamp|timestamptz)(\[\])?$' THEN
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

RESET ROLE;
