-- Loads: what each is made of, its ledger of units, who works on it, and how it ends.
--
-- genogate_store  tables nobody reads or writes directly; the application has INSERT on variants and calls (COPY) inside a
--                 unit it announced, and functions. Those it may call are SECURITY DEFINER and ask access.require first.
--
-- SQLSTATE GGn..: our own refusals; n is the exit code of the class they belong to, the message quotes no value.
--   GG100 the load is not in progress any more, or not in the state that is asked for    GG400 a unit was committed already
--   GG200 something asked for cannot be    GG500 not permitted to this session           GG600 an input has changed
--   GG501 the session's run does not hold the load                                   GG601 the same, and its rows are visible
--
-- Locks on a load's row, so that nobody ends what another goes on with: FOR KEY SHARE while a unit is open; FOR NO KEY UPDATE
-- while somebody joins or leaves; FOR UPDATE while the load ends or loses units, which waits for the open ones.
SET LOCAL ROLE genogate_owner;

CREATE SCHEMA genogate_store;

-- 22 bits: the load's share of a variant_id (load << 41 | unit << 21 | row).
CREATE SEQUENCE genogate_store.load_number AS integer MINVALUE 1 MAXVALUE 4194303 NO CYCLE;

CREATE TABLE genogate_store.loads (
  load_id        uuid PRIMARY KEY,
  load_no        integer NOT NULL UNIQUE DEFAULT nextval('genogate_store.load_number'),
  -- The pipeline's, or the one that was given (`--name`).
  name           text NOT NULL,
  -- The name that was given, under which shards meet, and into how many the work is cut.
  meeting        text,
  shards         integer CHECK (shards >= 1),
  -- Digest over everything that decides about rows.
  options        bytea NOT NULL CHECK (octet_length(options) = 32),
  -- What a resumed run must find again: sizes, header digests, options, unit table. Null: not to be resumed.
  fingerprint    bytea CHECK (octet_length(fingerprint) = 32),
  -- Digest over name, options and paths, keyed: what the same command, run again, has again. Null: a stream is among its inputs.
  command        bytea CHECK (octet_length(command) = 32),
  -- Complete: all of it is visible. Partial: inputs were given up, the others are visible.
  status         text NOT NULL DEFAULT 'started'
                 CHECK (status IN ('started', 'complete', 'partial', 'failed', 'replaced', 'dropped')),
  -- Its units are visible whose share of a variant_id, with the load's (load << 20 | unit), is below this. Null: none is. While inputs
  -- that were given up are read again, their units lie behind it.
  shown_below    bigint,
  -- 'yes' for a load of which anything is visible: a word, of which the planner believes that few rows have it.
  visible        text GENERATED ALWAYS AS (CASE WHEN shown_below IS NOT NULL THEN 'yes' END) STORED,
  -- What was read: header digests, record counts, sums of record digests. With the options: what the load is made of.
  content        bytea CHECK (octet_length(content) = 32),
  identity       bytea CHECK (octet_length(identity) = 32),
  -- Binds the units' digests to what they mean: names, order, samples, inputs, header lines.
  digest         bytea CHECK (octet_length(digest) = 32),
  -- Why the load is not complete, in words free of values.
  reason         text,
  -- The load that took its place, or that was there already.
  replaced_by    uuid REFERENCES genogate_store.loads,
  sample_ids     text NOT NULL CHECK (sample_ids IN ('pseudonym', 'name', 'none')),
  assembly       text NOT NULL,
  -- Columns of variants in the order of the tuples; those not named are null in every row.
  columns        text[] NOT NULL,
  input_records  bigint,
  variants       bigint,
  calls          bigint,
  quarantined    bigint,
  filtered       bigint,
  out_of_region  bigint,
  units          bigint,
  -- What the pipeline did for the safety of what passed it: {"profile", "scanned", "dropped": [{"stage", "why", "columns", "count"}]}.
  safeguards     jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(safeguards) = 'object'),
  created        timestamptz NOT NULL DEFAULT clock_timestamp(),
  finished       timestamptz,
  CHECK (status NOT IN ('complete', 'partial')
         OR (num_nulls(content, identity, digest, finished, input_records, shown_below) = 0 AND replaced_by IS NULL)),
  CHECK (status NOT IN ('replaced', 'dropped') OR shown_below IS NULL)
);
-- One visible load of the same content and options, and one of the same content in a pipeline.
CREATE UNIQUE INDEX loads_identity ON genogate_store.loads (identity) WHERE status IN ('complete', 'partial');
CREATE UNIQUE INDEX loads_content ON genogate_store.loads (content, name) WHERE status IN ('complete', 'partial');
CREATE INDEX loads_command ON genogate_store.loads (command) WHERE command IS NOT NULL;
CREATE INDEX loads_replaced ON genogate_store.loads (replaced_by) WHERE replaced_by IS NOT NULL;
-- One unfinished load to take up.
CREATE UNIQUE INDEX loads_fingerprint ON genogate_store.loads (fingerprint) WHERE status IN ('started', 'failed');
CREATE UNIQUE INDEX loads_meeting ON genogate_store.loads (meeting) WHERE status IN ('started', 'failed')
  AND fingerprint IS NOT NULL AND shards IS NOT NULL;

-- Other pipelines that made the same of the same content, and were skipped for this load: it stays theirs when its own leaves it.
CREATE TABLE genogate_store.claims (
  load_id        uuid NOT NULL REFERENCES genogate_store.loads,
  name           text NOT NULL,
  PRIMARY KEY (load_id, name)
);

-- What digests of paths are keyed with: nobody tells from them what a file is called, not even by trying names.
CREATE TABLE genogate_store.secret (key bytea NOT NULL CHECK (octet_length(key) = 32));
INSERT INTO genogate_store.secret VALUES (sha256(convert_to(gen_random_uuid()::text || gen_random_uuid()::text, 'UTF8')));

CREATE TABLE genogate_store.inputs (
  load_id        uuid NOT NULL REFERENCES genogate_store.loads,
  input          integer NOT NULL CHECK (input >= 1),
  -- Size, header digest and units: another is another file. Null: it could not be read.
  fingerprint    bytea CHECK (octet_length(fingerprint) = 32),
  -- The file as it was when it was last looked at: size, time of the last change in nanoseconds since 1970, inode. Null: a stream.
  bytes          bigint,
  modified       bigint,
  inode          bigint,
  header_digest  bytea NOT NULL CHECK (octet_length(header_digest) = 32),
  version        text NOT NULL,
  assembly       text NOT NULL,
  -- [{"key": …, "value": …}], as far as the pipeline let the lines through.
  header         jsonb NOT NULL,
  -- What the caller says about it, in words that are no identifiers.
  tags           jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(tags) = 'object'),
  -- Its units are first_unit and those behind it. Null: how many is known when it was read to its end, which tells `counted`.
  first_unit     integer NOT NULL CHECK (first_unit >= 0),
  units          integer CHECK (units >= 0),
  counted        integer CHECK (counted >= 0),
  -- Ordinals of units that are set aside for it, from the first on.
  reserved       integer NOT NULL CHECK (reserved >= 0),
  -- Why it was given up, and by which shard (null: a run without shards); its rows are taken back and it counts as whole.
  reason         text,
  given_up_by    integer,
  -- Digest of its header and records, once they are visible. Null: it has none.
  content        bytea CHECK (octet_length(content) = 32),
  PRIMARY KEY (load_id, input),
  CHECK (units IS NULL OR counted IS NULL)
);
CREATE INDEX inputs_content ON genogate_store.inputs (content) WHERE content IS NOT NULL;

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
  load_id         uuid NOT NULL REFERENCES genogate_store.loads,
  unit            integer NOT NULL CHECK (unit BETWEEN 0 AND 1048575),
  input           integer NOT NULL,
  lines           bigint NOT NULL CHECK (lines >= 0),
  records         bigint NOT NULL CHECK (records >= 0),
  loaded_records  bigint NOT NULL CHECK (loaded_records >= 0),
  variants        bigint NOT NULL CHECK (variants >= loaded_records),
  calls           bigint NOT NULL CHECK (calls >= 0),
  quarantined     bigint NOT NULL CHECK (quarantined >= 0),
  filtered        bigint NOT NULL CHECK (filtered >= 0),
  out_of_region   bigint NOT NULL CHECK (out_of_region >= 0),
  -- Sum of the records' digests, four little-endian 64-bit lanes: what was read.
  digest          bytea NOT NULL CHECK (octet_length(digest) = 32),
  -- Of the rows as they are stored.
  variants_digest bytea NOT NULL CHECK (octet_length(variants_digest) = 32),
  calls_digest    bytea NOT NULL CHECK (octet_length(calls_digest) = 32),
  -- Whose session committed it: SHA-256 of the secret that a run makes for its own.
  worker          bytea NOT NULL CHECK (octet_length(worker) = 32),
  PRIMARY KEY (load_id, unit),
  CONSTRAINT units_add_up CHECK (records = loaded_records + quarantined + filtered + out_of_region),
  CONSTRAINT units_rows CHECK ((variants > 0) = (loaded_records > 0) AND (variants > 0 OR calls = 0))
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

-- What a disposal took from a unit, and the unit's digests before and after: a load stays verifiable that has lost rows by law.
CREATE TABLE genogate_store.disposals (
  disposal_id     uuid NOT NULL,
  load_id         uuid NOT NULL REFERENCES genogate_store.loads,
  unit            integer NOT NULL,
  variants        bigint NOT NULL CHECK (variants >= 0),
  calls           bigint NOT NULL CHECK (calls >= 0),
  variants_before bytea NOT NULL CHECK (octet_length(variants_before) = 32),
  variants_after  bytea NOT NULL CHECK (octet_length(variants_after) = 32),
  calls_before    bytea NOT NULL CHECK (octet_length(calls_before) = 32),
  calls_after     bytea NOT NULL CHECK (octet_length(calls_after) = 32),
  disposed        timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (disposal_id, load_id, unit)
);

-- Who works on a load: sessions, known by their backend and when that began, which no session can choose. A row whose backend
-- is gone counts for nothing. Writers' sessions are not here: they show the holder's secret.
CREATE UNLOGGED TABLE genogate_store.holders (
  load_id        uuid NOT NULL,
  pid            integer NOT NULL,
  backend_start  timestamptz NOT NULL,
  -- Holds the load for itself.
  alone          boolean NOT NULL,
  -- The part of the work that is this session's, from 1. Null: all of it, or only its end.
  shard          integer CHECK (shard >= 1),
  -- It is this session's turn to finish the load.
  finishing      boolean NOT NULL DEFAULT false,
  -- SHA-256 of the secret that the run's writers show. Null: it has none.
  worker         bytea CHECK (octet_length(worker) = 32),
  PRIMARY KEY (load_id, pid, backend_start),
  CHECK (NOT alone OR shard IS NULL)
);

-- The unit a running transaction announced. Rows are removed by the transaction that made them: nobody ever sees one of
-- another. Identity is the backend and its transaction, not a setting.
CREATE UNLOGGED TABLE genogate_store.open_units (
  xid            xid8 NOT NULL,
  pid            integer NOT NULL,
  load_id        uuid NOT NULL,
  unit           integer NOT NULL,
  worker         bytea NOT NULL,
  PRIMARY KEY (xid, load_id, unit)
);

-- At COMMIT: no unit ends without its ledger row. One row a unit, so rows cost nothing.
CREATE FUNCTION genogate_store.guard_commit() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM genogate_store.open_units u WHERE u.xid = new.xid AND u.load_id = new.load_id AND u.unit = new.unit)
     OR NOT EXISTS (SELECT FROM genogate_store.units u WHERE u.load_id = new.load_id AND u.unit = new.unit) THEN
    RAISE EXCEPTION 'unit % would end without its line in the ledger', new.unit USING ERRCODE = 'GG500';
  END IF;
  RETURN NULL;
END
$$;
CREATE CONSTRAINT TRIGGER guard_commit AFTER INSERT ON genogate_store.open_units DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION genogate_store.guard_commit();

-- Is the backend of a holder still there?
CREATE FUNCTION genogate_store.is_alive(p_holder genogate_store.holders) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT EXISTS (SELECT FROM pg_stat_activity a WHERE a.pid = p_holder.pid AND a.backend_start = p_holder.backend_start)
$$;

-- When the caller's session began. The owner's rights see that of the application's sessions only.
CREATE FUNCTION genogate_store.session_start() RETURNS timestamptz
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  began timestamptz := (SELECT a.backend_start FROM pg_stat_activity a WHERE a.pid = pg_backend_pid());
BEGIN
  IF began IS NULL THEN
    RAISE EXCEPTION 'loads are held by sessions of the application only' USING ERRCODE = 'GG500';
  END IF;
  RETURN began;
END
$$;

-- The living holders of a load other than the caller. Looks at the backends as they are now, not as the transaction saw them.
CREATE FUNCTION genogate_store.other_holders(p_load uuid) RETURNS SETOF genogate_store.holders
LANGUAGE plpgsql SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  -- An older snapshot of the table would hide who came since.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'who works on a load is asked in a transaction that is READ COMMITTED' USING ERRCODE = 'GG500';
  END IF;
  PERFORM pg_stat_clear_snapshot();
  RETURN QUERY SELECT * FROM genogate_store.holders h
    WHERE h.load_id = p_load AND h.pid <> pg_backend_pid() AND genogate_store.is_alive(h);
END
$$;

-- Enters the caller, unless it gets in the way of somebody or somebody in its. The caller's transaction has the load's row.
CREATE FUNCTION genogate_store.enter_holder(p_load uuid, p_alone boolean, p_shard integer, p_secret bytea) RETURNS boolean
LANGUAGE plpgsql SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM genogate_store.other_holders(p_load) h WHERE p_alone OR h.alone OR h.shard = p_shard) THEN
    RETURN false;
  END IF;
  DELETE FROM genogate_store.holders h
    WHERE (h.load_id, h.pid, h.backend_start) IN (
      SELECT d.load_id, d.pid, d.backend_start FROM genogate_store.holders d WHERE NOT genogate_store.is_alive(d) FOR UPDATE SKIP LOCKED);
  INSERT INTO genogate_store.holders AS h (load_id, pid, backend_start, alone, shard, worker)
    VALUES (p_load, pg_backend_pid(), genogate_store.session_start(), p_alone, p_shard, sha256(p_secret))
    ON CONFLICT (load_id, pid, backend_start) DO UPDATE SET alone = p_alone, shard = p_shard, worker = excluded.worker;
  RETURN true;
END
$$;

-- Does the session work on the load?
CREATE FUNCTION genogate_store.is_holder(p_load uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT EXISTS (SELECT FROM genogate_store.holders h JOIN pg_stat_activity a ON a.pid = h.pid AND a.backend_start = h.backend_start
                 WHERE h.load_id = p_load AND h.pid = pg_backend_pid())
$$;

-- Refuses a session that does not work on the load.
CREATE FUNCTION genogate_store.require_holder(p_load uuid) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  IF NOT genogate_store.is_holder(p_load) THEN
    RAISE EXCEPTION 'this session does not hold the load' USING ERRCODE = 'GG500';
  END IF;
END
$$;

-- The row of a load in progress, to end it or take units from it: no unit is open after this, and none begins.
CREATE FUNCTION genogate_store.lock_started(p_load uuid) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM FROM genogate_store.loads WHERE load_id = p_load AND status = 'started' FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the load is not in progress any more' USING ERRCODE = 'GG100';
  END IF;
END
$$;

-- Is there such a shard of so many? Both are null for a run without shards.
CREATE FUNCTION genogate_store.require_shard(p_shard integer, p_shards integer) RETURNS void
LANGUAGE plpgsql IMMUTABLE SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  IF num_nulls(p_shard, p_shards) = 1 OR p_shard NOT BETWEEN 1 AND p_shards THEN
    RAISE EXCEPTION 'there is no shard % of %', p_shard, p_shards USING ERRCODE = 'GG200';
  END IF;
END
$$;

-- A digest of what may be a path, keyed.
CREATE FUNCTION genogate_store.keyed(p_digest bytea) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT sha256(key || sha256(key || p_digest)) FROM genogate_store.secret
$$;

-- Enters inputs of a load and their samples: all, or those of these numbers. What they say of their first unit is raised by p_raise.
CREATE FUNCTION genogate_store.enter_inputs(p_load uuid, p_inputs jsonb, p_numbers integer[], p_raise integer) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  INSERT INTO genogate_store.inputs (load_id, input, fingerprint, bytes, modified, inode, header_digest, version, assembly, header,
                                     tags, first_unit, units, reserved)
    SELECT p_load, i.ordinality, decode(v.fingerprint, 'hex'), v.bytes, v.modified, v.inode, decode(v.header_digest, 'hex'), v.version,
           v.assembly, v.header, v.tags, v.first_unit + p_raise, v.units, v.reserved
    FROM jsonb_array_elements(p_inputs) WITH ORDINALITY i,
         jsonb_to_record(i.value) AS v(fingerprint text, bytes bigint, modified bigint, inode bigint, header_digest text, version text,
                                       assembly text, header jsonb, tags jsonb, first_unit integer, units integer, reserved integer)
    WHERE p_numbers IS NULL OR i.ordinality = ANY (p_numbers);
  INSERT INTO genogate_store.samples (load_id, input, sample_index, sample_id)
    SELECT p_load, i.ordinality, s.ordinality - 1, s.value
    FROM jsonb_array_elements(p_inputs) WITH ORDINALITY i,
         jsonb_array_elements_text(i.value->'samples') WITH ORDINALITY s
    WHERE p_numbers IS NULL OR i.ordinality = ANY (p_numbers);
$$;

-- Inputs of a load that are not what its caller sees now. o_changed: their units are to be taken back. o_again: they were given up,
-- and are to be read again, being changed since, or the caller's own. o_visible: one has changed whose rows are visible.
CREATE FUNCTION genogate_store.compare_inputs(
  p_load uuid, p_inputs jsonb, p_shard integer, OUT o_changed integer[], OUT o_again integer[], OUT o_visible boolean)
LANGUAGE sql STABLE SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT array_agg(i.input) FILTER (WHERE i.reason IS NULL AND c.other),
         array_agg(i.input) FILTER (WHERE i.reason IS NOT NULL AND (c.other OR c.touched OR p_shard IS NULL OR i.given_up_by = p_shard)),
         coalesce(bool_or((c.other OR c.touched) AND i.reason IS NULL
                          AND (l.load_no::bigint << 20 | i.first_unit) < l.shown_below), false)
  FROM genogate_store.loads l
  JOIN genogate_store.inputs i ON i.load_id = l.load_id
  JOIN jsonb_array_elements(p_inputs) WITH ORDINALITY t ON t.ordinality = i.input,
  LATERAL (SELECT decode(t.value->>'fingerprint', 'hex') IS DISTINCT FROM i.fingerprint AS other,
                  ((t.value->>'bytes')::bigint, (t.value->>'modified')::bigint, (t.value->>'inode')::bigint)
                    IS DISTINCT FROM (i.bytes, i.modified, i.inode) AS touched) c
  -- What cannot be read here and now is no other file.
  WHERE l.load_id = p_load AND t.value->>'fingerprint' IS NOT NULL
$$;

-- Begins a load, or takes part in one, and holds it: in the unfinished one with this fingerprint, or in one of the same command that
-- is unfinished or partial, of which inputs that are others by now, or were given up, are then read anew.
-- p_inputs: [{"fingerprint" (hex), "bytes", "modified", "inode", "header_digest" (hex), "version", "assembly",
-- "header": [{"key", "value"}], "tags", "first_unit", "units", "reserved", "samples": [id…]}]. p_command: digest over name, options
-- and paths. p_secret: what the caller's writers will show. p_shard of p_shards: null for a run that wants the load for itself.
-- o_state: new, resumed, busy (another session runs it, or this shard of it), split (others cut it into another number of
-- shards), other (the meeting's name and the fingerprint are not of one load), complete (a shard comes late: an earlier
-- load with this fingerprint is visible; p_force begins anew), or partial (the same, of which inputs were given up that are as they were).
CREATE FUNCTION genogate_store.begin_load(
  p_load uuid, p_name text, p_meeting text, p_options bytea, p_fingerprint bytea, p_command bytea, p_secret bytea, p_sample_ids text,
  p_assembly text, p_columns text[], p_inputs jsonb, p_shard integer, p_shards integer, p_force boolean,
  OUT o_load uuid, OUT o_load_no integer, OUT o_state text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  v_command bytea := genogate_store.keyed(p_command);
  known     genogate_store.loads;
  beside    uuid[] := '{}';
  renewed   record;
  v_numbers integer[];
  v_free    integer;
  v_lowest  integer;
BEGIN
  PERFORM access.require('loads:write');
  PERFORM genogate_store.require_shard(p_shard, p_shards);
  -- Who loses against another that begins the same looks again.
  LOOP
    SELECT load_id, load_no INTO o_load, o_load_no FROM genogate_store.loads
      WHERE status IN ('started', 'failed') AND fingerprint IS NOT NULL AND load_id <> ALL (beside)
        AND num_nonnulls(shards, p_shards) > 0
        AND (meeting = p_meeting AND fingerprint IS DISTINCT FROM p_fingerprint AND command IS DISTINCT FROM v_command
             OR fingerprint = p_fingerprint AND meeting <> p_meeting)
      LIMIT 1;
    IF FOUND THEN
      o_state := 'other';
      RETURN;
    END IF;
    SELECT * INTO known FROM genogate_store.loads
      WHERE (fingerprint = p_fingerprint OR command = v_command) AND fingerprint IS NOT NULL AND load_id <> ALL (beside)
        AND (status IN ('started', 'failed') OR status = 'partial' AND NOT p_force AND name = coalesce(p_meeting, p_name))
      ORDER BY (fingerprint = p_fingerprint) DESC, load_no DESC LIMIT 1 FOR NO KEY UPDATE;
    IF FOUND THEN
      SELECT * INTO renewed FROM genogate_store.compare_inputs(known.load_id, p_inputs, p_shard);
      EXIT WHEN NOT renewed.o_visible;
      -- What is visible stays until all of it was read anew.
      beside := beside || known.load_id;
      CONTINUE;
    END IF;
    IF p_shard IS NOT NULL AND NOT p_force THEN
      SELECT load_id, load_no INTO o_load, o_load_no FROM genogate_store.loads
        WHERE fingerprint = p_fingerprint AND status = 'complete' ORDER BY created DESC LIMIT 1;
      IF FOUND THEN
        PERFORM genogate_store.claim_load(o_load, coalesce(p_meeting, p_name));
        o_state := 'complete';
        RETURN;
      END IF;
    END IF;
    BEGIN
      INSERT INTO genogate_store.loads (load_id, name, meeting, shards, options, fingerprint, command, sample_ids, assembly, columns)
        VALUES (p_load, coalesce(p_meeting, p_name), p_meeting, p_shards, p_options, p_fingerprint, v_command, p_sample_ids, p_assembly,
                p_columns)
        RETURNING load_id, load_no INTO o_load, o_load_no;
      o_state := 'new';
      EXIT;
    EXCEPTION WHEN unique_violation THEN
      IF EXISTS (SELECT FROM genogate_store.loads WHERE load_id = p_load) THEN
        RAISE;
      END IF;
    END;
  END LOOP;
  IF o_state = 'new' THEN
    PERFORM genogate_store.enter_holder(o_load, p_shard IS NULL, p_shard, p_secret);
    PERFORM genogate_store.enter_inputs(o_load, p_inputs, NULL, 0);
    RETURN;
  END IF;
  o_load := known.load_id;
  o_load_no := known.load_no;
  IF known.status = 'partial' AND renewed.o_again IS NULL THEN
    o_state := 'partial';
    RETURN;
  END IF;
  -- Who finished it may be about to end.
  IF known.status = 'partial' AND EXISTS (SELECT FROM genogate_store.other_holders(o_load)) THEN
    o_state := 'busy';
    RETURN;
  END IF;
  -- While nobody works on it, it may be cut anew.
  IF known.shards IS DISTINCT FROM p_shards AND p_shard IS NOT NULL
     AND EXISTS (SELECT FROM genogate_store.other_holders(o_load) h WHERE NOT h.alone) THEN
    o_state := 'split';
    RETURN;
  END IF;
  IF NOT genogate_store.enter_holder(o_load, p_shard IS NULL, p_shard, p_secret) THEN
    o_state := 'busy';
    RETURN;
  END IF;
  IF known.columns <> p_columns THEN
    RAISE EXCEPTION 'the load was begun with other columns; drop it with `genogate loads drop`' USING ERRCODE = 'GG100';
  END IF;
  v_numbers := renewed.o_changed;
  IF NOT EXISTS (SELECT FROM genogate_store.other_holders(o_load)) THEN
    v_numbers := v_numbers || renewed.o_again;
  ELSIF v_numbers IS NOT NULL THEN
    RAISE EXCEPTION 'an input is another one than other sessions are reading for this load' USING ERRCODE = 'GG600';
  END IF;
  IF v_numbers IS NOT NULL THEN
    -- Waits for units that are open still.
    PERFORM FROM genogate_store.loads WHERE load_id = o_load FOR UPDATE;
    SELECT max(first_unit + reserved) + 1 INTO v_free FROM genogate_store.inputs WHERE load_id = o_load;
    SELECT min((p_inputs->(n - 1)->>'first_unit')::integer) INTO v_lowest FROM unnest(v_numbers) n;
    PERFORM genogate_store.remove_units(o_load, n) FROM unnest(v_numbers) n;
    DELETE FROM genogate_store.samples WHERE load_id = o_load AND input = ANY (v_numbers);
    DELETE FROM genogate_store.inputs WHERE load_id = o_load AND input = ANY (v_numbers);
    PERFORM genogate_store.enter_inputs(o_load, p_inputs, v_numbers, v_free - v_lowest);
    UPDATE genogate_store.loads SET fingerprint = p_fingerprint, command = v_command WHERE load_id = o_load;
  END IF;
  o_state := 'resumed';
  PERFORM genogate_store.claim_load(o_load, coalesce(p_meeting, p_name));
  UPDATE genogate_store.loads
    SET status = 'started', reason = NULL, finished = NULL, meeting = coalesce(meeting, p_meeting), shards = p_shards,
        shown_below = CASE status WHEN 'partial' THEN load_no::bigint << 20 | v_free ELSE shown_below END
    WHERE load_id = o_load;
  -- What the caller says last about an input is so.
  UPDATE genogate_store.inputs i SET tags = t.value->'tags'
    FROM jsonb_array_elements(p_inputs) WITH ORDINALITY t
    WHERE i.load_id = o_load AND i.input = t.ordinality AND i.tags <> t.value->'tags';
END
$$;

-- A pipeline that was skipped for a load of another.
CREATE FUNCTION genogate_store.claim_load(p_load uuid, p_name text) RETURNS void
LANGUAGE sql SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  INSERT INTO genogate_store.claims (load_id, name)
    SELECT load_id, p_name FROM genogate_store.loads WHERE load_id = p_load AND name <> p_name
    ON CONFLICT DO NOTHING
$$;

-- A run whose connection was lost holds its load again on a new one. False: somebody else is on it, the dead connection's
-- backend among them until the server notices; or the load was cut anew since.
CREATE FUNCTION genogate_store.hold_load(p_load uuid, p_shard integer, p_shards integer, p_secret bytea) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM access.require('loads:write');
  PERFORM genogate_store.require_shard(p_shard, p_shards);
  PERFORM FROM genogate_store.loads WHERE load_id = p_load AND shards IS NOT DISTINCT FROM p_shards FOR NO KEY UPDATE;
  RETURN FOUND AND genogate_store.enter_holder(p_load, p_shard IS NULL, p_shard, p_secret);
END
$$;

-- Takes up a load to finish it without its files, beside shards that work on it. False: a run without shards is on it, or it
-- cannot be taken up.
CREATE FUNCTION genogate_store.take_up_load(p_load uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM access.require('loads:write');
  PERFORM FROM genogate_store.loads
    WHERE load_id = p_load AND status IN ('started', 'failed') AND fingerprint IS NOT NULL FOR NO KEY UPDATE;
  IF NOT FOUND OR NOT genogate_store.enter_holder(p_load, false, NULL, NULL) THEN
    RETURN false;
  END IF;
  UPDATE genogate_store.loads SET status = 'started', reason = NULL, finished = NULL WHERE load_id = p_load AND status = 'failed';
  RETURN true;
END
$$;

-- Announces a unit: until this transaction ends it may insert into variants and calls, and it must commit the unit. p_secret shows that
-- the session works for one that holds the load.
CREATE FUNCTION genogate_store.begin_unit(p_load uuid, p_unit integer, p_secret bytea) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM access.require('loads:write');
  PERFORM FROM genogate_store.loads WHERE load_id = p_load AND status = 'started' FOR KEY SHARE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the load is not in progress any more' USING ERRCODE = 'GG100';
  END IF;
  -- The holder may have lost its connection: it holds the load again before it finishes it.
  IF NOT EXISTS (SELECT FROM genogate_store.holders h WHERE h.load_id = p_load AND h.worker = sha256(p_secret)) THEN
    RAISE EXCEPTION 'this session works for none that holds the load' USING ERRCODE = 'GG501';
  END IF;
  IF EXISTS (SELECT FROM genogate_store.loads l
             WHERE l.load_id = p_load AND (l.load_no::bigint << 20 | p_unit) < l.shown_below) THEN
    RAISE EXCEPTION 'unit % would be visible at once', p_unit USING ERRCODE = 'GG400';
  END IF;
  IF EXISTS (SELECT FROM genogate_store.units WHERE load_id = p_load AND unit = p_unit) THEN
    RAISE EXCEPTION 'unit % is committed already', p_unit USING ERRCODE = 'GG400';
  END IF;
  INSERT INTO genogate_store.open_units (xid, pid, load_id, unit, worker)
    VALUES (pg_current_xact_id(), pg_backend_pid(), p_load, p_unit, sha256(p_secret));
END
$$;

-- Writes a unit's ledger row and quarantine ([[line, field, reason]…]) and closes the announcement.
CREATE FUNCTION genogate_store.commit_unit(
  p_load uuid, p_unit integer, p_input integer, p_lines bigint, p_records bigint, p_loaded bigint, p_variants bigint,
  p_calls bigint, p_quarantined bigint, p_filtered bigint, p_out_of_region bigint, p_digest bytea, p_variants_digest bytea,
  p_calls_digest bytea, p_quarantine jsonb)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  v_worker bytea;
BEGIN
  PERFORM access.require('loads:write');
  DELETE FROM genogate_store.open_units
    WHERE xid = pg_current_xact_id_if_assigned() AND pid = pg_backend_pid() AND load_id = p_load AND unit = p_unit
    RETURNING worker INTO v_worker;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'unit % was not begun in this transaction', p_unit USING ERRCODE = 'GG400';
  END IF;
  IF NOT EXISTS (
    SELECT FROM genogate_store.inputs i WHERE i.load_id = p_load AND i.input = p_input AND p_unit >= i.first_unit
      AND p_unit < i.first_unit + coalesce(i.units, i.reserved)) THEN
    RAISE EXCEPTION 'unit % is none of input %', p_unit, p_input USING ERRCODE = 'GG400';
  END IF;
  IF p_quarantined > (SELECT count(DISTINCT q->>0) FROM jsonb_array_elements(p_quarantine) q) THEN
    RAISE EXCEPTION 'unit % sets aside more records than it says where', p_unit USING ERRCODE = 'GG400';
  END IF;
  INSERT INTO genogate_store.units (load_id, unit, input, lines, records, loaded_records, variants, calls, quarantined,
                                    filtered, out_of_region, digest, variants_digest, calls_digest, worker)
    VALUES (p_load, p_unit, p_input, p_lines, p_records, p_loaded, p_variants, p_calls, p_quarantined, p_filtered,
            p_out_of_region, p_digest, p_variants_digest, p_calls_digest, v_worker);
  INSERT INTO genogate_store.quarantine (load_id, unit, line, field, reason)
    SELECT p_load, p_unit, (q->>0)::bigint, q->>1, q->>2 FROM jsonb_array_elements(p_quarantine) q;
END
$$;

-- The ledger of a load.
CREATE FUNCTION genogate_store.load_units(p_load uuid) RETURNS SETOF genogate_store.units
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:read');
  SELECT * FROM genogate_store.units WHERE load_id = p_load ORDER BY unit
$$;

-- Each input of a load, and how far it is: what is committed of it. o_planned: of how many units; null until that is known. o_shown: its
-- rows are visible. o_elsewhere: other visible loads that hold the same header and records.
CREATE FUNCTION genogate_store.load_inputs(
  p_load uuid, OUT o_input integer, OUT o_planned integer, OUT o_units bigint, OUT o_records bigint, OUT o_variants bigint,
  OUT o_calls bigint, OUT o_quarantined bigint, OUT o_filtered bigint, OUT o_out_of_region bigint, OUT o_reason text,
  OUT o_tags jsonb, OUT o_header_digest bytea, OUT o_bytes bigint, OUT o_modified bigint, OUT o_inode bigint,
  OUT o_first_unit integer, OUT o_shown boolean, OUT o_elsewhere uuid[])
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:read');
  SELECT i.input, coalesce(i.units, i.counted), count(u.unit), coalesce(sum(u.records), 0)::bigint,
         coalesce(sum(u.variants), 0)::bigint, coalesce(sum(u.calls), 0)::bigint, coalesce(sum(u.quarantined), 0)::bigint,
         coalesce(sum(u.filtered), 0)::bigint, coalesce(sum(u.out_of_region), 0)::bigint, i.reason, i.tags, i.header_digest,
         i.bytes, i.modified, i.inode, i.first_unit,
         i.reason IS NULL AND coalesce((l.load_no::bigint << 20 | i.first_unit) < l.shown_below, false),
         ARRAY(SELECT DISTINCT e.load_id FROM genogate_store.inputs e JOIN genogate_store.loads v ON v.load_id = e.load_id
               WHERE e.content = i.content AND e.load_id <> i.load_id AND v.shown_below IS NOT NULL)
  FROM genogate_store.inputs i
  JOIN genogate_store.loads l ON l.load_id = i.load_id
  LEFT JOIN genogate_store.units u ON u.load_id = i.load_id AND u.input = i.input
  WHERE i.load_id = p_load GROUP BY l.load_id, i.load_id, i.input ORDER BY i.input
$$;

-- What was disposed of in each unit of a load. Each begins with the digests that the one before left, the first with the unit's.
CREATE FUNCTION genogate_store.load_disposals(p_load uuid) RETURNS SETOF genogate_store.disposals
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:read');
  SELECT * FROM genogate_store.disposals WHERE load_id = p_load ORDER BY unit, disposed, disposal_id
$$;

-- What stands in the header of each input of a load, and its samples by index.
CREATE FUNCTION genogate_store.load_documents(
  p_load uuid, OUT o_input integer, OUT o_version text, OUT o_assembly text, OUT o_header jsonb, OUT o_sample_indexes integer[],
  OUT o_samples text[])
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:read');
  SELECT i.input, i.version, i.assembly, i.header,
         ARRAY(SELECT s.sample_index FROM genogate_store.samples s WHERE s.load_id = p_load AND s.input = i.input ORDER BY s.sample_index),
         ARRAY(SELECT s.sample_id FROM genogate_store.samples s WHERE s.load_id = p_load AND s.input = i.input ORDER BY s.sample_index)
  FROM genogate_store.inputs i WHERE i.load_id = p_load ORDER BY i.input
$$;

-- Told at the end of a run: these inputs, whose units were unknown, were read to their ends.
CREATE FUNCTION genogate_store.close_inputs(p_load uuid, p_inputs integer[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:write');
  SELECT genogate_store.require_holder(p_load);
  UPDATE genogate_store.inputs i
    SET counted = (SELECT count(*) FROM genogate_store.units u WHERE u.load_id = i.load_id AND u.input = i.input)
    FROM genogate_store.loads l
    WHERE l.load_id = p_load AND l.status = 'started' AND i.load_id = p_load AND i.input = ANY (p_inputs)
      AND i.units IS NULL AND i.counted IS NULL
$$;

-- Gives an input up: nothing of it will be visible. What is visible stays.
CREATE FUNCTION genogate_store.give_up_input(p_load uuid, p_input integer, p_reason text, p_shard integer) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:write');
  SELECT genogate_store.require_holder(p_load);
  UPDATE genogate_store.inputs i SET reason = p_reason, given_up_by = p_shard
    FROM genogate_store.loads l
    WHERE l.load_id = p_load AND l.status = 'started' AND i.load_id = p_load AND i.input = p_input AND i.reason IS NULL
      AND coalesce((l.load_no::bigint << 20 | i.first_unit) >= l.shown_below, true)
$$;

-- Keeps what inputs look like by now: their units were held against them.
CREATE FUNCTION genogate_store.stamp_inputs(
  p_load uuid, p_inputs integer[], p_bytes bigint[], p_modified bigint[], p_inode bigint[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:write');
  SELECT genogate_store.require_holder(p_load);
  UPDATE genogate_store.inputs i SET bytes = s.bytes, modified = s.modified, inode = s.inode
    FROM unnest(p_inputs, p_bytes, p_modified, p_inode) AS s(input, bytes, modified, inode), genogate_store.loads l
    WHERE l.load_id = p_load AND l.status = 'started' AND i.load_id = p_load AND i.input = s.input
$$;

-- Removes what an input has stored. The caller has the load's row.
CREATE FUNCTION genogate_store.remove_units(p_load uuid, p_input integer) RETURNS void
LANGUAGE plpgsql SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  low  bigint;
  high bigint;
BEGIN
  SELECT (l.load_no::bigint << 41) | (min(u.unit)::bigint << 21), (l.load_no::bigint << 41) | (max(u.unit)::bigint << 21) | 2097151
    INTO low, high
    FROM genogate_store.units u JOIN genogate_store.loads l USING (load_id)
    WHERE u.load_id = p_load AND u.input = p_input GROUP BY l.load_no;
  DELETE FROM genogate_store.calls WHERE variant_id BETWEEN low AND high;
  DELETE FROM genogate_store.variants WHERE variant_id BETWEEN low AND high;
  DELETE FROM genogate_store.quarantine q USING genogate_store.units u
    WHERE u.load_id = p_load AND u.input = p_input AND q.load_id = p_load AND q.unit = u.unit;
  DELETE FROM genogate_store.units WHERE load_id = p_load AND input = p_input;
END
$$;

-- Takes inputs back whose files have changed, so that they are read anew. Refused while anybody else works on the load, who may
-- have read what they held before.
CREATE FUNCTION genogate_store.take_back_inputs(p_load uuid, p_inputs integer[]) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  taken integer;
BEGIN
  PERFORM access.require('loads:write');
  PERFORM genogate_store.require_holder(p_load);
  PERFORM FROM genogate_store.loads WHERE load_id = p_load FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM genogate_store.other_holders(p_load)) THEN
    RAISE EXCEPTION 'other sessions work on the load' USING ERRCODE = 'GG600';
  END IF;
  IF EXISTS (SELECT FROM genogate_store.load_inputs(p_load) WHERE o_shown AND o_input = ANY (p_inputs)) THEN
    RAISE EXCEPTION 'its rows are visible' USING ERRCODE = 'GG601';
  END IF;
  PERFORM genogate_store.lock_started(p_load);
  FOREACH taken IN ARRAY p_inputs LOOP
    PERFORM genogate_store.remove_units(p_load, taken);
    UPDATE genogate_store.inputs SET counted = NULL WHERE load_id = p_load AND input = taken;
  END LOOP;
END
$$;

-- Removes what inputs that were given up have stored. A header of zeros keeps the load apart from one that holds them.
CREATE FUNCTION genogate_store.clear_given_up(p_load uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  given integer;
BEGIN
  PERFORM access.require('loads:write');
  PERFORM genogate_store.require_holder(p_load);
  PERFORM genogate_store.lock_started(p_load);
  FOR given IN SELECT input FROM genogate_store.inputs WHERE load_id = p_load AND reason IS NOT NULL LOOP
    PERFORM genogate_store.remove_units(p_load, given);
    DELETE FROM genogate_store.samples WHERE load_id = p_load AND input = given;
    UPDATE genogate_store.inputs SET header_digest = decode(repeat('00', 32), 'hex'), header = '[]'
      WHERE load_id = p_load AND input = given;
  END LOOP;
END
$$;

-- Sessions that want to finish one load take turns. True: it is the caller's, as long as its session lives.
CREATE FUNCTION genogate_store.take_turn(p_load uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM access.require('loads:write');
  PERFORM genogate_store.require_holder(p_load);
  PERFORM FROM genogate_store.loads WHERE load_id = p_load FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM genogate_store.other_holders(p_load) h WHERE h.finishing) THEN
    RETURN false;
  END IF;
  UPDATE genogate_store.holders SET finishing = pid = pg_backend_pid() WHERE load_id = p_load;
  RETURN true;
END
$$;

-- Is a visible load what the same command made before: partial, or of the same samples, or of the same headers?
CREATE FUNCTION genogate_store.is_earlier(p_earlier uuid, p_load uuid) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  WITH a AS (SELECT input, sample_index, sample_id FROM genogate_store.samples WHERE load_id = p_earlier),
       b AS (SELECT input, sample_index, sample_id FROM genogate_store.samples WHERE load_id = p_load)
  SELECT EXISTS (SELECT FROM genogate_store.inputs WHERE load_id = p_earlier AND reason IS NOT NULL)
      OR EXISTS (SELECT FROM a) AND NOT EXISTS (TABLE b EXCEPT TABLE a)
         AND NOT EXISTS (SELECT * FROM a WHERE a.input NOT IN (SELECT g.input FROM genogate_store.inputs g
                                                             WHERE g.load_id = p_load AND g.reason IS NOT NULL)
                         EXCEPT TABLE b)
      OR NOT EXISTS (SELECT FROM genogate_store.inputs e JOIN genogate_store.inputs n ON n.load_id = p_load AND n.input = e.input
                     WHERE e.load_id = p_earlier AND n.reason IS NULL AND e.header_digest <> n.header_digest)
$$;

-- Holds a load what every input of a partial one does that was not given up? Wherever its files lie.
CREATE FUNCTION genogate_store.is_part(p_partial uuid, p_contents bytea[]) RETURNS boolean
LANGUAGE sql STABLE SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT count(*) = cardinality(p_contents) AND bool_and(reason IS NOT NULL OR content IS NOT DISTINCT FROM p_contents[input])
    AND bool_or(content IS NOT NULL)
  FROM genogate_store.inputs WHERE load_id = p_partial
$$;

-- Makes a whole load visible: complete, or partial where inputs were given up. When one of the same content and options is visible
-- already, this one is dropped instead, and its pipeline has a claim on that one; with p_force it takes that one's place, under that
-- one's name. It takes the place, either way, of what the same pipeline made of the same content under other options, of what the
-- same command made before, and of a partial load of which it holds every part; but what is partial never takes the place of what is complete, and is dropped for it. A load that another
-- pipeline has a claim on becomes that one's instead of being replaced. load_outcome tells what became of it; purge_load removes the
-- rows of those that were replaced. p_contents: digests of the inputs' headers and records, by number; null where there is none.
CREATE FUNCTION genogate_store.finish_load(
  p_load uuid, p_content bytea, p_identity bytea, p_digest bytea, p_contents bytea[], p_force boolean)
RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  mine     genogate_store.loads;
  same     genogate_store.loads;
  earlier  record;
  v_open   bigint;
  v_status text;
  v_keep   uuid;
BEGIN
  PERFORM access.require('loads:write');
  PERFORM genogate_store.require_holder(p_load);
  PERFORM genogate_store.lock_started(p_load);
  SELECT * INTO mine FROM genogate_store.loads WHERE load_id = p_load;
  SELECT count(*) FILTER (WHERE CASE WHEN o_reason IS NULL THEN o_planned IS DISTINCT FROM o_units ELSE o_units > 0 END),
         CASE WHEN bool_or(o_reason IS NOT NULL) THEN 'partial' ELSE 'complete' END INTO v_open, v_status
    FROM genogate_store.load_inputs(p_load);
  IF v_open > 0 OR NOT EXISTS (SELECT FROM genogate_store.inputs WHERE load_id = p_load) THEN
    RAISE EXCEPTION 'the load is not whole: % of its inputs are not', v_open USING ERRCODE = 'GG100';
  END IF;
  -- Who loses against another load that becomes visible looks again.
  LOOP
    v_keep := NULL;
    SELECT * INTO same FROM genogate_store.loads
      WHERE identity = p_identity AND status IN ('complete', 'partial') AND load_id <> p_load FOR UPDATE;
    IF NOT FOUND OR p_force THEN
      FOR earlier IN
        SELECT l.load_id, l.status, l.load_id = same.load_id AS identical,
               (SELECT min(c.name) FROM genogate_store.claims c WHERE c.load_id = l.load_id AND c.name <> mine.name) AS heir
        FROM genogate_store.loads l
        WHERE l.load_id <> p_load AND l.shown_below IS NOT NULL
          AND (l.load_id = same.load_id
               OR l.name = mine.name AND (l.content = p_content OR l.command = mine.command AND genogate_store.is_earlier(l.load_id, p_load)
                                          OR l.status = 'partial' AND genogate_store.is_part(l.load_id, p_contents)))
          AND (l.status IN ('complete', 'partial') OR NOT EXISTS (SELECT FROM genogate_store.other_holders(l.load_id)))
        ORDER BY l.load_no FOR UPDATE
      LOOP
        IF v_status = 'partial' AND earlier.status = 'complete' THEN
          v_keep := earlier.load_id;
        ELSIF earlier.heir IS NOT NULL AND NOT coalesce(earlier.identical, false) THEN
          UPDATE genogate_store.loads SET name = earlier.heir WHERE load_id = earlier.load_id;
          DELETE FROM genogate_store.claims WHERE load_id = earlier.load_id AND name = earlier.heir;
        ELSE
          UPDATE genogate_store.loads
            SET status = 'replaced', replaced_by = p_load, reason = 'replaced by load ' || p_load, shown_below = NULL
            WHERE load_id = earlier.load_id;
        END IF;
      END LOOP;
    ELSE
      v_keep := same.load_id;
      UPDATE genogate_store.loads SET status = 'replaced', replaced_by = p_load, reason = 'replaced by load ' || p_load, shown_below = NULL
        WHERE status IN ('complete', 'partial') AND content = p_content AND name = mine.name AND load_id <> same.load_id;
    END IF;
    BEGIN
      IF v_keep IS NULL THEN
        DELETE FROM genogate_store.claims c USING genogate_store.loads l
          WHERE c.name = mine.name AND l.load_id = c.load_id AND l.content = p_content AND l.load_id <> p_load;
        IF same.load_id IS NOT NULL THEN
          INSERT INTO genogate_store.claims (load_id, name)
            SELECT p_load, n FROM (SELECT mine.name AS n UNION SELECT c.name FROM genogate_store.claims c WHERE c.load_id = same.load_id) names
            WHERE n <> same.name;
          DELETE FROM genogate_store.claims WHERE load_id = same.load_id;
          mine.name := same.name;
        END IF;
        UPDATE genogate_store.inputs SET content = CASE WHEN reason IS NULL THEN p_contents[input] END WHERE load_id = p_load;
        UPDATE genogate_store.loads l
          SET status = v_status, name = mine.name, content = p_content, identity = p_identity, digest = p_digest, finished = clock_timestamp(),
              shown_below = (l.load_no::bigint + 1) << 20,
              input_records = t.records, variants = t.variants, calls = t.calls, quarantined = t.quarantined,
              filtered = t.filtered, out_of_region = t.out_of_region, units = t.units
          FROM (SELECT coalesce(sum(u.records), 0) AS records, coalesce(sum(u.variants), 0) AS variants,
                       coalesce(sum(u.calls), 0) AS calls, coalesce(sum(u.quarantined), 0) AS quarantined,
                       coalesce(sum(u.filtered), 0) AS filtered, coalesce(sum(u.out_of_region), 0) AS out_of_region,
                       count(*) AS units
                FROM genogate_store.units u WHERE u.load_id = p_load) t
          WHERE l.load_id = p_load;
      ELSE
        PERFORM genogate_store.claim_load(v_keep, mine.name);
        PERFORM genogate_store.purge_rows(p_load);
        UPDATE genogate_store.loads SET status = 'dropped', fingerprint = NULL, finished = clock_timestamp(), replaced_by = v_keep,
          shown_below = NULL, reason = CASE WHEN v_keep = same.load_id THEN 'identical to load ' ELSE 'less than load ' END || v_keep
          WHERE load_id = p_load;
      END IF;
      RETURN;
    EXCEPTION WHEN unique_violation THEN
      NULL;
    END;
  END LOOP;
END
$$;

-- What became of a load: no row before it was finished. o_load is the visible one, o_status complete, partial, or skipped where that is
-- an earlier one of the same content and options. o_replaced: loads whose place it took. o_same_content: visible loads that
-- other pipelines made of the same content.
CREATE FUNCTION genogate_store.load_outcome(
  p_load uuid, OUT o_load uuid, OUT o_status text, OUT o_replaced uuid[], OUT o_same_content uuid[], OUT o_input_records bigint,
  OUT o_variants bigint, OUT o_calls bigint, OUT o_quarantined bigint, OUT o_filtered bigint, OUT o_out_of_region bigint,
  OUT o_units bigint, OUT o_digest bytea)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:read');
  SELECT l.load_id, CASE l.load_id WHEN p_load THEN l.status ELSE 'skipped' END,
         ARRAY(SELECT r.load_id FROM genogate_store.loads r WHERE r.replaced_by = p_load AND r.status = 'replaced' ORDER BY r.load_no),
         ARRAY(SELECT s.load_id FROM genogate_store.loads s
               WHERE s.content = l.content AND s.status IN ('complete', 'partial') AND s.load_id <> l.load_id ORDER BY s.load_no),
         l.input_records, l.variants, l.calls, l.quarantined, l.filtered, l.out_of_region, l.units, l.digest
  FROM genogate_store.loads o
  JOIN genogate_store.loads l ON l.load_id = CASE WHEN o.status = 'dropped' THEN o.replaced_by ELSE o.load_id END
  WHERE o.load_id = p_load AND l.status IN ('complete', 'partial')
$$;

-- Records why a run ended without success. The load goes on while other sessions work on it, and the last one leaves it failed. With
-- p_purge, when nobody else works on it, nothing of the load stays and it cannot be resumed, unless some of it is visible.
CREATE FUNCTION genogate_store.fail_load(p_load uuid, p_reason text, p_purge boolean) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM access.require('loads:write');
  PERFORM genogate_store.require_holder(p_load);
  PERFORM FROM genogate_store.loads WHERE load_id = p_load AND status = 'started' FOR NO KEY UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  DELETE FROM genogate_store.holders WHERE load_id = p_load AND pid = pg_backend_pid();
  IF EXISTS (SELECT FROM genogate_store.other_holders(p_load)) THEN
    UPDATE genogate_store.loads SET reason = p_reason WHERE load_id = p_load;
    RETURN;
  END IF;
  p_purge := p_purge AND EXISTS (SELECT FROM genogate_store.loads WHERE load_id = p_load AND shown_below IS NULL);
  PERFORM genogate_store.lock_started(p_load);
  UPDATE genogate_store.loads SET status = 'failed', reason = p_reason, finished = clock_timestamp(),
    fingerprint = CASE WHEN NOT p_purge THEN fingerprint END WHERE load_id = p_load;
  IF p_purge THEN
    PERFORM genogate_store.purge_rows(p_load);
  END IF;
END
$$;

-- Removes what a load has stored, whatever its state. Not for the application: the functions here decide when.
CREATE FUNCTION genogate_store.purge_rows(p_load uuid, OUT o_variants bigint, OUT o_calls bigint)
LANGUAGE plpgsql SET search_path = pg_catalog, genogate_store, pg_temp AS $$
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

-- Drops a load that nobody else works on: its rows are deleted, its line in the list stays. o_found is false when there is none
-- or it is dropped.
CREATE FUNCTION genogate_store.drop_load(p_load uuid, p_reason text, OUT o_found boolean, OUT o_variants bigint, OUT o_calls bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM access.require('loads:write');
  PERFORM FROM genogate_store.loads WHERE load_id = p_load AND status <> 'dropped' FOR NO KEY UPDATE;
  o_found := FOUND;
  IF NOT o_found THEN
    RETURN;
  END IF;
  IF EXISTS (SELECT FROM genogate_store.other_holders(p_load)) THEN
    RAISE EXCEPTION 'the load is in progress' USING ERRCODE = 'GG100';
  END IF;
  PERFORM FROM genogate_store.loads WHERE load_id = p_load FOR UPDATE;
  UPDATE genogate_store.loads
    SET status = 'dropped', fingerprint = NULL, shown_below = NULL, reason = p_reason, finished = clock_timestamp()
    WHERE load_id = p_load;
  SELECT p.o_variants, p.o_calls INTO o_variants, o_calls FROM genogate_store.purge_rows(p_load) p;
END
$$;

-- Deletes the rows a replaced load left.
CREATE FUNCTION genogate_store.purge_load(p_load uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM access.require('loads:write');
  PERFORM FROM genogate_store.loads WHERE load_id = p_load AND status = 'replaced' FOR UPDATE;
  IF FOUND THEN
    PERFORM genogate_store.purge_rows(p_load);
  END IF;
END
$$;

-- Says what the pipeline of a load in progress does for the safety of what passes it.
CREATE FUNCTION genogate_store.keep_safeguards(p_load uuid, p_safeguards jsonb) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
BEGIN
  PERFORM access.require('loads:write');
  PERFORM genogate_store.require_holder(p_load);
  UPDATE genogate_store.loads SET safeguards = p_safeguards
    WHERE load_id = p_load AND status = 'started' AND safeguards <> p_safeguards;
END
$$;

-- Every load, visible or not.
CREATE FUNCTION genogate_store.list_loads() RETURNS SETOF genogate_store.loads
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:read');
  SELECT * FROM genogate_store.loads ORDER BY load_no
$$;

-- Of each load that has any: sessions at work on it, its inputs, and those that were given up.
CREATE FUNCTION genogate_store.load_states(OUT o_load uuid, OUT o_sessions bigint, OUT o_inputs bigint, OUT o_given_up bigint)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:read');
  SELECT i.load_id, (SELECT count(*) FROM genogate_store.holders h WHERE h.load_id = i.load_id AND genogate_store.is_alive(h)), count(*),
         count(i.reason)
  FROM genogate_store.inputs i GROUP BY i.load_id
$$;

GRANT USAGE ON SCHEMA genogate_store TO genogate_app;
GRANT EXECUTE ON FUNCTION
  genogate_store.begin_load(uuid, text, text, bytea, bytea, bytea, bytea, text, text, text[], jsonb, integer, integer, boolean),
  genogate_store.hold_load(uuid, integer, integer, bytea), genogate_store.take_up_load(uuid),
  genogate_store.begin_unit(uuid, integer, bytea),
  genogate_store.commit_unit(uuid, integer, integer, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint, bytea, bytea,
                             bytea, jsonb),
  genogate_store.load_units(uuid), genogate_store.load_inputs(uuid), genogate_store.load_documents(uuid),
  genogate_store.load_disposals(uuid),
  genogate_store.close_inputs(uuid, integer[]), genogate_store.give_up_input(uuid, integer, text, integer),
  genogate_store.stamp_inputs(uuid, integer[], bigint[], bigint[], bigint[]),
  genogate_store.take_back_inputs(uuid, integer[]), genogate_store.clear_given_up(uuid),
  genogate_store.take_turn(uuid), genogate_store.finish_load(uuid, bytea, bytea, bytea, bytea[], boolean), genogate_store.load_outcome(uuid),
  genogate_store.fail_load(uuid, text, boolean), genogate_store.drop_load(uuid, text), genogate_store.purge_load(uuid),
  genogate_store.keep_safeguards(uuid, jsonb), genogate_store.list_loads(), genogate_store.load_states()
TO genogate_app;

RESET ROLE;
