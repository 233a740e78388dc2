-- The store: loads, their units, variants and calls.
--
-- genogate_store  tables nobody reads or writes directly; the application has INSERT on variants and calls (COPY) inside a
--                 unit it announced, and the functions below. All of them are SECURITY DEFINER with a pinned search_path.
-- genogate        what people read: security-barrier views that show complete loads only.
--
-- SQLSTATE GGn..: our own refusals; n is the exit code of the class they belong to, the message quotes no value.
SET LOCAL ROLE genogate_owner;

CREATE SCHEMA genogate_store;
CREATE SCHEMA IF NOT EXISTS genogate;

-- 22 bits: the load's share of a variant_id (load << 41 | unit << 21 | row).
CREATE SEQUENCE genogate_store.load_number AS integer MINVALUE 1 MAXVALUE 4194303 NO CYCLE;

CREATE TABLE genogate_store.loads (
  load_id        uuid PRIMARY KEY,
  load_no        integer NOT NULL UNIQUE DEFAULT nextval('genogate_store.load_number'),
  name           text NOT NULL,
  options        bytea NOT NULL CHECK (octet_length(options) = 32),
  -- What a resumed run must find again: sizes, header digests, options, unit table. Null: not to be resumed.
  fingerprint    bytea CHECK (octet_length(fingerprint) = 32),
  status         text NOT NULL DEFAULT 'started' CHECK (status IN ('started', 'complete', 'failed', 'replaced', 'dropped')),
  -- What the load is made of: header digests, record counts, sums of record digests, options.
  identity       bytea CHECK (octet_length(identity) = 32),
  reason         text,
  sample_ids     text NOT NULL CHECK (sample_ids IN ('pseudonym', 'name', 'none')),
  assembly       text NOT NULL,
  input_records  bigint,
  variants       bigint,
  calls          bigint,
  quarantined    bigint,
  filtered       bigint,
  out_of_region  bigint,
  units          bigint,
  created        timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished       timestamptz,
  CHECK (status <> 'complete' OR (identity IS NOT NULL AND finished IS NOT NULL AND input_records IS NOT NULL))
);
CREATE UNIQUE INDEX loads_identity ON genogate_store.loads (identity) WHERE status = 'complete';
CREATE INDEX loads_fingerprint ON genogate_store.loads (fingerprint) WHERE status IN ('started', 'failed');

CREATE TABLE genogate_store.inputs (
  load_id        uuid NOT NULL REFERENCES genogate_store.loads,
  input          integer NOT NULL CHECK (input >= 1),
  -- HMAC of the path: paths may name people.
  path_hash      bytea,
  bytes          bigint,
  header_digest  bytea NOT NULL CHECK (octet_length(header_digest) = 32),
  version        text NOT NULL,
  assembly       text NOT NULL,
  -- [{"key": …, "value": …}], as far as the pipeline let the lines through.
  header         jsonb NOT NULL,
  PRIMARY KEY (load_id, input)
);

CREATE TABLE genogate_store.samples (
  load_id        uuid NOT NULL REFERENCES genogate_store.loads,
  input          integer NOT NULL,
  sample_index   integer NOT NULL CHECK (sample_index >= 0),
  sample_id      text NOT NULL,
  PRIMARY KEY (load_id, input, sample_index)
);
CREATE INDEX samples_id ON genogate_store.samples (sample_id);

-- The ledger. A unit is here exactly when its rows are in variants and calls: one transaction writes both.
CREATE TABLE genogate_store.units (
  load_id        uuid NOT NULL REFERENCES genogate_store.loads,
  unit           integer NOT NULL CHECK (unit BETWEEN 0 AND 1048575),
  input          integer NOT NULL,
  lines          bigint NOT NULL CHECK (lines >= 0),
  records        bigint NOT NULL CHECK (records >= 0),
  loaded_records bigint NOT NULL CHECK (loaded_records >= 0),
  variants       bigint NOT NULL CHECK (variants >= 0),
  calls          bigint NOT NULL CHECK (calls >= 0),
  quarantined    bigint NOT NULL CHECK (quarantined >= 0),
  filtered       bigint NOT NULL CHECK (filtered >= 0),
  out_of_region  bigint NOT NULL CHECK (out_of_region >= 0),
  -- Sum of the records' digests, four little-endian 64-bit lanes.
  digest         bytea NOT NULL CHECK (octet_length(digest) = 32),
  PRIMARY KEY (load_id, unit),
  CHECK (records = loaded_records + quarantined + filtered + out_of_region)
);

-- Where a record was and why it was set aside; never what it held.
CREATE TABLE genogate_store.quarantine (
  load_id        uuid NOT NULL REFERENCES genogate_store.loads,
  unit           integer NOT NULL,
  -- 0-based within the unit.
  line           bigint NOT NULL,
  field          text NOT NULL,
  reason         text NOT NULL
);
CREATE INDEX quarantine_load ON genogate_store.quarantine (load_id, unit);

-- The unit a running transaction announced. Rows are removed by the transaction that made them: nobody ever sees one of
-- another. Identity is the backend and its transaction, not a setting.
CREATE UNLOGGED TABLE genogate_store.open_units (
  xid            xid8 NOT NULL,
  pid            integer NOT NULL,
  load_id        uuid NOT NULL,
  unit           integer NOT NULL,
  PRIMARY KEY (xid, load_id, unit)
);

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
  -- Every INFO field: numbers, arrays with nulls, true for flags; NaN and infinities as strings that cast to float8.
  info           jsonb,
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
  format         jsonb
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

-- Indexes of the bulk tables. Rows of one load lie together, so a block-range index finds a load.
CREATE FUNCTION genogate_store.build_indexes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp
SET maintenance_work_mem = '256MB' SET client_min_messages = 'warning' AS $$
BEGIN
  CREATE INDEX IF NOT EXISTS variants_position ON genogate_store.variants (contig, pos);
  CREATE INDEX IF NOT EXISTS variants_id ON genogate_store.variants (variant_id);
  CREATE INDEX IF NOT EXISTS variants_load ON genogate_store.variants USING brin (load_id);
  CREATE INDEX IF NOT EXISTS calls_variant ON genogate_store.calls (variant_id);
  CREATE INDEX IF NOT EXISTS calls_sample ON genogate_store.calls (load_id, input, sample_index);
END
$$;
SELECT genogate_store.build_indexes();

-- Leaves the indexes out while the first load fills an empty warehouse. False: something is stored or being stored.
CREATE FUNCTION genogate_store.drop_indexes_if_empty() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp
SET client_min_messages = 'warning' AS $$
BEGIN
  BEGIN
    LOCK TABLE genogate_store.variants, genogate_store.calls IN ACCESS EXCLUSIVE MODE NOWAIT;
  EXCEPTION WHEN lock_not_available THEN
    RETURN false;
  END;
  IF EXISTS (SELECT FROM genogate_store.variants) OR EXISTS (SELECT FROM genogate_store.calls) THEN
    RETURN false;
  END IF;
  DROP INDEX IF EXISTS genogate_store.variants_position, genogate_store.variants_id, genogate_store.variants_load,
    genogate_store.calls_variant, genogate_store.calls_sample;
  RETURN true;
END
$$;

-- Statistics of the partitions a load has filled, and of the tables as a whole, which autovacuum never looks at.
CREATE FUNCTION genogate_store.analyze_tables() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  ANALYZE genogate_store.variants (contig, pos, variant_id, load_id);
  ANALYZE genogate_store.calls (contig, variant_id, load_id, input, sample_index);
END
$$;

-- A session holds this lock while it runs a load; it ends with the session, however that ends.
CREATE FUNCTION genogate_store.lock_key() RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1734700655';

-- Removes what a load has stored, whatever its state. Not for the application: the functions below decide when.
CREATE FUNCTION genogate_store.purge_rows(p_load uuid, OUT o_variants bigint, OUT o_calls bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  low bigint;
BEGIN
  SELECT load_no::bigint << 41 INTO STRICT low FROM genogate_store.loads WHERE load_id = p_load;
  DELETE FROM genogate_store.calls WHERE variant_id BETWEEN low AND low | ((1::bigint << 41) - 1);
  GET DIAGNOSTICS o_calls = ROW_COUNT;
  DELETE FROM genogate_store.variants WHERE variant_id BETWEEN low AND low | ((1::bigint << 41) - 1);
  GET DIAGNOSTICS o_variants = ROW_COUNT;
  DELETE FROM genogate_store.quarantine WHERE load_id = p_load;
  DELETE FROM genogate_store.units WHERE load_id = p_load;
  DELETE FROM genogate_store.samples WHERE load_id = p_load;
  DELETE FROM genogate_store.inputs WHERE load_id = p_load;
END
$$;

-- Begins a load, or takes up the one an earlier run left unfinished. o_state: new, resumed, or busy (another session runs it).
-- p_inputs: [{"bytes", "header_digest" (hex), "version", "assembly", "header": [{"key", "value"}], "samples": [id…]}].
CREATE FUNCTION genogate_store.begin_load(
  p_load uuid, p_name text, p_options bytea, p_fingerprint bytea, p_sample_ids text, p_assembly text, p_inputs jsonb,
  OUT o_load uuid, OUT o_load_no integer, OUT o_state text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  IF p_fingerprint IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashtextextended(encode(p_fingerprint, 'hex'), 1734700655));
    SELECT load_id, load_no INTO o_load, o_load_no FROM genogate_store.loads
      WHERE fingerprint = p_fingerprint AND status IN ('started', 'failed') ORDER BY created DESC LIMIT 1;
    IF FOUND THEN
      IF NOT pg_try_advisory_lock(genogate_store.lock_key(), o_load_no) THEN
        o_state := 'busy';
        RETURN;
      END IF;
      UPDATE genogate_store.loads SET status = 'started', reason = NULL, finished = NULL WHERE load_id = o_load;
      o_state := 'resumed';
      RETURN;
    END IF;
  END IF;
  INSERT INTO genogate_store.loads (load_id, name, options, fingerprint, sample_ids, assembly)
    VALUES (p_load, p_name, p_options, p_fingerprint, p_sample_ids, p_assembly)
    RETURNING load_id, load_no INTO o_load, o_load_no;
  PERFORM pg_advisory_lock(genogate_store.lock_key(), o_load_no);
  INSERT INTO genogate_store.inputs (load_id, input, path_hash, bytes, header_digest, version, assembly, header)
    SELECT p_load, i.ordinality, decode(i.value->>'path_hash', 'hex'), (i.value->>'bytes')::bigint,
           decode(i.value->>'header_digest', 'hex'), i.value->>'version', i.value->>'assembly', i.value->'header'
    FROM jsonb_array_elements(p_inputs) WITH ORDINALITY i;
  INSERT INTO genogate_store.samples (load_id, input, sample_index, sample_id)
    SELECT p_load, i.ordinality, s.ordinality - 1, s.value
    FROM jsonb_array_elements(p_inputs) WITH ORDINALITY i,
         jsonb_array_elements_text(i.value->'samples') WITH ORDINALITY s;
  o_state := 'new';
END
$$;

-- The ledger of a load.
CREATE FUNCTION genogate_store.ledger(p_load uuid) RETURNS SETOF genogate_store.units
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT * FROM genogate_store.units WHERE load_id = p_load ORDER BY unit
$$;

-- Header digests of a load's inputs, in order.
CREATE FUNCTION genogate_store.input_digests(p_load uuid) RETURNS SETOF bytea
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT header_digest FROM genogate_store.inputs WHERE load_id = p_load ORDER BY input
$$;

-- Announces a unit: until this transaction ends it may insert into variants and calls. The share lock makes fail_load and
-- drop_load wait for the transaction, so that they see its rows or it sees their decision.
CREATE FUNCTION genogate_store.begin_unit(p_load uuid, p_unit integer) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM FROM genogate_store.loads WHERE load_id = p_load AND status = 'started' FOR SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the load is not in progress any more' USING ERRCODE = 'GG100';
  END IF;
  IF EXISTS (SELECT FROM genogate_store.units WHERE load_id = p_load AND unit = p_unit) THEN
    RAISE EXCEPTION 'unit % is committed already', p_unit USING ERRCODE = 'GG400';
  END IF;
  INSERT INTO genogate_store.open_units (xid, pid, load_id, unit)
    VALUES (pg_current_xact_id(), pg_backend_pid(), p_load, p_unit);
END
$$;

-- Writes a unit's ledger row and quarantine ([[line, field, reason]…]) and closes the announcement.
CREATE FUNCTION genogate_store.commit_unit(
  p_load uuid, p_unit integer, p_input integer, p_lines bigint, p_records bigint, p_loaded bigint, p_variants bigint,
  p_calls bigint, p_quarantined bigint, p_filtered bigint, p_out_of_region bigint, p_digest bytea, p_quarantine jsonb)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  DELETE FROM genogate_store.open_units
    WHERE xid = pg_current_xact_id_if_assigned() AND pid = pg_backend_pid() AND load_id = p_load AND unit = p_unit;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unit % was not begun in this transaction', p_unit USING ERRCODE = 'GG400';
  END IF;
  INSERT INTO genogate_store.units (load_id, unit, input, lines, records, loaded_records, variants, calls, quarantined,
                                    filtered, out_of_region, digest)
    VALUES (p_load, p_unit, p_input, p_lines, p_records, p_loaded, p_variants, p_calls, p_quarantined, p_filtered,
            p_out_of_region, p_digest);
  INSERT INTO genogate_store.quarantine (load_id, unit, line, field, reason)
    SELECT p_load, p_unit, (q->>0)::bigint, q->>1, q->>2 FROM jsonb_array_elements(p_quarantine) q;
END
$$;

-- Makes a load visible. o_status: complete; or skipped when an identical load is visible already: then this one is dropped
-- and the counts are the earlier load's. With p_force the earlier load is replaced in the same transaction and o_replaced
-- names it; purge_load removes its rows.
CREATE FUNCTION genogate_store.finish_load(
  p_load uuid, p_identity bytea, p_force boolean,
  OUT o_load uuid, OUT o_status text, OUT o_replaced uuid, OUT o_input_records bigint, OUT o_variants bigint,
  OUT o_calls bigint, OUT o_quarantined bigint, OUT o_filtered bigint, OUT o_out_of_region bigint, OUT o_units bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM FROM genogate_store.loads WHERE load_id = p_load AND status = 'started' FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the load is not in progress any more' USING ERRCODE = 'GG100';
  END IF;
  -- Two sessions that finish the same content take turns.
  PERFORM pg_advisory_xact_lock(hashtextextended(encode(p_identity, 'hex'), 1734700655));
  SELECT load_id INTO o_replaced FROM genogate_store.loads WHERE identity = p_identity AND status = 'complete' FOR UPDATE;
  IF FOUND AND NOT p_force THEN
    PERFORM genogate_store.purge_rows(p_load);
    UPDATE genogate_store.loads SET status = 'dropped', fingerprint = NULL, finished = clock_timestamp(),
      reason = 'identical to load ' || o_replaced WHERE load_id = p_load;
    o_load := o_replaced;
    o_status := 'skipped';
    o_replaced := NULL;
  ELSE
    IF FOUND THEN
      UPDATE genogate_store.loads SET status = 'replaced', reason = 'replaced by load ' || p_load WHERE load_id = o_replaced;
    END IF;
    UPDATE genogate_store.loads l
      SET status = 'complete', identity = p_identity, finished = clock_timestamp(), input_records = t.records,
          variants = t.variants, calls = t.calls, quarantined = t.quarantined, filtered = t.filtered,
          out_of_region = t.out_of_region, units = t.units
      FROM (SELECT coalesce(sum(u.records), 0) AS records, coalesce(sum(u.variants), 0) AS variants,
                   coalesce(sum(u.calls), 0) AS calls, coalesce(sum(u.quarantined), 0) AS quarantined,
                   coalesce(sum(u.filtered), 0) AS filtered, coalesce(sum(u.out_of_region), 0) AS out_of_region,
                   count(*) AS units
            FROM genogate_store.units u WHERE u.load_id = p_load) t
      WHERE l.load_id = p_load;
    o_load := p_load;
    o_status := 'complete';
  END IF;
  SELECT input_records, variants, calls, quarantined, filtered, out_of_region, units
    INTO STRICT o_input_records, o_variants, o_calls, o_quarantined, o_filtered, o_out_of_region, o_units
    FROM genogate_store.loads WHERE load_id = o_load;
END
$$;

-- Records why a run ended without success. With p_purge nothing of it stays and it cannot be resumed.
CREATE FUNCTION genogate_store.fail_load(p_load uuid, p_reason text, p_purge boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  UPDATE genogate_store.loads SET status = 'failed', reason = p_reason, finished = clock_timestamp()
    WHERE load_id = p_load AND status = 'started';
  IF FOUND AND p_purge THEN
    PERFORM genogate_store.purge_rows(p_load);
    UPDATE genogate_store.loads SET fingerprint = NULL WHERE load_id = p_load;
  END IF;
END
$$;

-- Drops a load: its rows are deleted, its line in the list stays. o_found is false when there is none or it is dropped.
CREATE FUNCTION genogate_store.drop_load(p_load uuid, p_reason text, OUT o_found boolean, OUT o_variants bigint, OUT o_calls bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  number integer;
BEGIN
  SELECT load_no INTO number FROM genogate_store.loads WHERE load_id = p_load AND status <> 'dropped';
  o_found := FOUND;
  IF NOT o_found THEN
    RETURN;
  END IF;
  IF NOT pg_try_advisory_xact_lock(genogate_store.lock_key(), number) THEN
    RAISE EXCEPTION 'the load is in progress' USING ERRCODE = 'GG100';
  END IF;
  UPDATE genogate_store.loads SET status = 'dropped', fingerprint = NULL, reason = p_reason, finished = clock_timestamp()
    WHERE load_id = p_load;
  SELECT p.o_variants, p.o_calls INTO o_variants, o_calls FROM genogate_store.purge_rows(p_load) p;
END
$$;

-- Deletes the rows a replaced load left.
CREATE FUNCTION genogate_store.purge_load(p_load uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM FROM genogate_store.loads WHERE load_id = p_load AND status = 'replaced' FOR UPDATE;
  IF FOUND THEN
    PERFORM genogate_store.purge_rows(p_load);
  END IF;
END
$$;

-- Every load, visible or not.
CREATE FUNCTION genogate_store.list_loads() RETURNS SETOF genogate_store.loads
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT * FROM genogate_store.loads ORDER BY load_no
$$;

-- Counts what a load has stored, to be held against its ledger.
CREATE FUNCTION genogate_store.recount(
  p_load uuid, OUT o_variants bigint, OUT o_variant_ids bigint, OUT o_calls bigint, OUT o_orphans bigint,
  OUT o_foreign bigint, OUT o_quarantined bigint)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  low  bigint;
  high bigint;
BEGIN
  SELECT load_no::bigint << 41, (load_no::bigint << 41) | ((1::bigint << 41) - 1) INTO STRICT low, high
    FROM genogate_store.loads WHERE load_id = p_load;
  SELECT count(*), count(DISTINCT variant_id), count(*) FILTER (WHERE load_id <> p_load)
    INTO o_variants, o_variant_ids, o_foreign
    FROM genogate_store.variants WHERE variant_id BETWEEN low AND high;
  SELECT count(*), count(*) FILTER (WHERE v.variant_id IS NULL) INTO o_calls, o_orphans
    FROM genogate_store.calls c
    LEFT JOIN genogate_store.variants v
      ON v.contig = c.contig AND v.variant_id = c.variant_id AND v.load_id = c.load_id
        AND v.variant_id BETWEEN low AND high
    WHERE c.variant_id BETWEEN low AND high;
  SELECT count(DISTINCT (unit, line)) INTO o_quarantined FROM genogate_store.quarantine WHERE load_id = p_load;
END
$$;

CREATE VIEW genogate.loads WITH (security_barrier) AS
  SELECT load_id, name, status, sample_ids, assembly, input_records, variants, calls, quarantined, filtered, out_of_region,
         units, created, finished, options, identity
  FROM genogate_store.loads WHERE status = 'complete';

CREATE VIEW genogate.variants WITH (security_barrier) AS
  SELECT v.load_id, v.variant_id, v.chrom, v.contig, v.pos, v.end_pos, v.ids, v.ref, v.alt, v.alt_index, v.qual, v.filters,
         v.info, v.orig_pos, v.orig_ref, v.orig_alt
  FROM genogate_store.variants v
  WHERE EXISTS (SELECT FROM genogate_store.loads l WHERE l.load_id = v.load_id AND l.status = 'complete');

CREATE VIEW genogate.samples WITH (security_barrier) AS
  SELECT s.load_id, s.input, s.sample_index, s.sample_id
  FROM genogate_store.samples s
  WHERE EXISTS (SELECT FROM genogate_store.loads l WHERE l.load_id = s.load_id AND l.status = 'complete');

CREATE VIEW genogate.calls WITH (security_barrier) AS
  SELECT c.load_id, c.variant_id, c.contig, c.input, c.sample_index, s.sample_id, c.gt, c.format
  FROM genogate_store.calls c
  LEFT JOIN genogate_store.samples s
    ON s.load_id = c.load_id AND s.input = c.input AND s.sample_index = c.sample_index
  WHERE EXISTS (SELECT FROM genogate_store.loads l WHERE l.load_id = c.load_id AND l.status = 'complete');

-- line counts from 1 over the input's lines from the first unit on.
CREATE VIEW genogate.quarantine WITH (security_barrier) AS
  SELECT q.load_id, u.input, q.unit, u.lines_before + q.line + 1 AS line, q.field, q.reason
  FROM genogate_store.quarantine q
  JOIN (SELECT load_id, unit, input,
               coalesce(sum(lines) OVER (PARTITION BY load_id, input ORDER BY unit
                                         ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0)::bigint AS lines_before
        FROM genogate_store.units) u ON u.load_id = q.load_id AND u.unit = q.unit
  WHERE EXISTS (SELECT FROM genogate_store.loads l WHERE l.load_id = q.load_id AND l.status = 'complete');

REVOKE ALL ON SCHEMA genogate_store, genogate FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA genogate_store, genogate FROM PUBLIC;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA genogate_store FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA genogate_store FROM PUBLIC;

GRANT USAGE ON SCHEMA genogate, genogate_store TO genogate_app;
GRANT SELECT ON genogate.loads, genogate.variants, genogate.samples, genogate.calls, genogate.quarantine TO genogate_app;
-- On the parents only: routing reaches the leaves without a privilege on them.
GRANT INSERT ON genogate_store.variants, genogate_store.calls TO genogate_app;
GRANT EXECUTE ON FUNCTION
  genogate_store.drop_indexes_if_empty(), genogate_store.build_indexes(), genogate_store.analyze_tables(),
  genogate_store.begin_load(uuid, text, bytea, bytea, text, text, jsonb), genogate_store.ledger(uuid),
  genogate_store.input_digests(uuid),
  genogate_store.begin_unit(uuid, integer),
  genogate_store.commit_unit(uuid, integer, integer, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bytea, jsonb),
  genogate_store.finish_load(uuid, bytea, boolean), genogate_store.fail_load(uuid, text, boolean),
  genogate_store.drop_load(uuid, text), genogate_store.purge_load(uuid), genogate_store.list_loads(),
  genogate_store.recount(uuid)
TO genogate_app;

RESET ROLE;
