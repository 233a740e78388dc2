-- Digests of what is stored, so that `genogate validate` finds a single changed cell.
--
-- rows_digest of a unit: the sum, as four little-endian 64-bit lanes with wrap-around, of SHA-256 over each of its rows: the
-- table's tag ('v' or 'c') and the row's tuple as binary COPY has it. That of a load is the sum over its units. Null: stored by
-- a version that made none.
SET LOCAL ROLE genogate_owner;

ALTER TABLE genogate_store.loads
  ADD COLUMN rows_digest bytea CHECK (octet_length(rows_digest) = 32),
  -- Columns of variants in the order of the tuples; those not named are null in every row.
  ADD COLUMN columns text[];
ALTER TABLE genogate_store.units ADD COLUMN rows_digest bytea CHECK (octet_length(rows_digest) = 32);

-- Every run of a load writes the same columns.
CREATE FUNCTION genogate_store.declare_columns(p_load uuid, p_columns text[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  declared text[];
BEGIN
  SELECT columns INTO declared FROM genogate_store.loads WHERE load_id = p_load FOR UPDATE;
  IF declared IS NULL THEN
    UPDATE genogate_store.loads SET columns = p_columns WHERE load_id = p_load AND status = 'started';
  ELSIF declared <> p_columns THEN
    RAISE EXCEPTION 'the load was begun with other columns; drop it with `genogate loads drop`' USING ERRCODE = 'GG100';
  END IF;
END
$$;

CREATE FUNCTION genogate_store.commit_unit(
  p_load uuid, p_unit integer, p_input integer, p_lines bigint, p_records bigint, p_loaded bigint, p_variants bigint,
  p_calls bigint, p_quarantined bigint, p_filtered bigint, p_out_of_region bigint, p_digest bytea, p_quarantine jsonb,
  p_rows_digest bytea)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM genogate_store.commit_unit(p_load, p_unit, p_input, p_lines, p_records, p_loaded, p_variants, p_calls, p_quarantined,
                                     p_filtered, p_out_of_region, p_digest, p_quarantine);
  UPDATE genogate_store.units SET rows_digest = p_rows_digest WHERE load_id = p_load AND unit = p_unit;
END
$$;

-- Keeps the sum of a load's units with it, before it is finished.
CREATE FUNCTION genogate_store.seal_load(p_load uuid, p_rows_digest bytea) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  UPDATE genogate_store.loads SET rows_digest = p_rows_digest WHERE load_id = p_load AND status = 'started'
$$;

-- A complete load's rows as they are stored, by id: what the views show, in the form it was written.
CREATE FUNCTION genogate_store.stored_variants(p_load uuid, p_low bigint, p_high bigint) RETURNS SETOF genogate_store.variants
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT * FROM genogate_store.variants
  WHERE variant_id BETWEEN p_low AND p_high
    AND EXISTS (SELECT FROM genogate_store.loads l WHERE l.load_id = p_load AND l.status = 'complete'
                AND l.load_no = p_low >> 41 AND l.load_no = p_high >> 41)
$$;

CREATE FUNCTION genogate_store.stored_calls(p_load uuid, p_low bigint, p_high bigint) RETURNS SETOF genogate_store.calls
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT * FROM genogate_store.calls
  WHERE variant_id BETWEEN p_low AND p_high
    AND EXISTS (SELECT FROM genogate_store.loads l WHERE l.load_id = p_load AND l.status = 'complete'
                AND l.load_no = p_low >> 41 AND l.load_no = p_high >> 41)
$$;

-- Rows that name the load and whose ids are outside its range, and entries of its quarantine.
DROP FUNCTION genogate_store.recount(uuid);
CREATE FUNCTION genogate_store.recount(p_load uuid, OUT o_stray bigint, OUT o_quarantined bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  number bigint;
BEGIN
  SELECT load_no INTO STRICT number FROM genogate_store.loads WHERE load_id = p_load;
  SELECT (SELECT count(*) FROM genogate_store.variants WHERE load_id = p_load AND variant_id >> 41 <> number)
       + (SELECT count(*) FROM genogate_store.calls WHERE load_id = p_load AND variant_id >> 41 <> number) INTO o_stray;
  SELECT count(DISTINCT (unit, line)) INTO o_quarantined FROM genogate_store.quarantine WHERE load_id = p_load;
END
$$;

REVOKE ALL ON FUNCTION
  genogate_store.declare_columns(uuid, text[]), genogate_store.seal_load(uuid, bytea), genogate_store.recount(uuid),
  genogate_store.commit_unit(uuid, integer, integer, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bytea, jsonb,
                             bytea),
  genogate_store.stored_variants(uuid, bigint, bigint), genogate_store.stored_calls(uuid, bigint, bigint)
FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  genogate_store.declare_columns(uuid, text[]), genogate_store.seal_load(uuid, bytea), genogate_store.recount(uuid),
  genogate_store.commit_unit(uuid, integer, integer, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bytea, jsonb,
                             bytea),
  genogate_store.stored_variants(uuid, bigint, bigint), genogate_store.stored_calls(uuid, bigint, bigint)
TO genogate_app;
-- No unit is committed without a digest.
REVOKE EXECUTE ON FUNCTION genogate_store.commit_unit(
  uuid, integer, integer, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bytea, jsonb) FROM genogate_app;

RESET ROLE;
