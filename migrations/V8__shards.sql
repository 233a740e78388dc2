-- Shards: several sessions work on one load, each on units of its own. An input knows when it is whole, so that whoever
-- commits the last unit, or anybody later, can finish the load without the files.
--
-- loads.meeting   the name under which shards meet (`--load-name`), when one was given
-- loads.shards    into how many shards the work was cut by those who work on it together
-- inputs.units    units the input is cut into; null until that is known: gzip is read to its end first
-- inputs.reason   why the input was given up; its rows are taken back and it counts as whole
SET LOCAL ROLE genogate_owner;

ALTER TABLE genogate_store.loads ADD COLUMN meeting text, ADD COLUMN shards integer CHECK (shards >= 1);
ALTER TABLE genogate_store.inputs ADD COLUMN units integer CHECK (units >= 0), ADD COLUMN reason text;
CREATE INDEX loads_meeting ON genogate_store.loads (meeting) WHERE meeting IS NOT NULL;

-- Begins a load, or takes part in the unfinished one with this fingerprint; begin_load says what the first arguments are.
-- p_units: units of each input, null where unknown. p_shard of p_shards: null for a run that wants the load for itself.
-- o_state: new, resumed, busy (another session runs it, or this shard of it), split (others cut it into another number of
-- shards), other (the meeting's name and the fingerprint are not of one load), or complete (a shard comes late: an earlier
-- load with this fingerprint is visible; p_force begins anew).
-- Shards hold the load's lock together, and each a lock of its own; a run without shards holds the load's lock alone.
CREATE FUNCTION genogate_store.join_load(
  p_load uuid, p_name text, p_options bytea, p_fingerprint bytea, p_sample_ids text, p_assembly text, p_inputs jsonb,
  p_units integer[], p_meeting text, p_shard integer, p_shards integer, p_force boolean,
  OUT o_load uuid, OUT o_load_no integer, OUT o_state text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  key constant integer := genogate_store.lock_key();
  cut integer;
BEGIN
  IF p_meeting IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashtextextended('meeting ' || p_meeting, key));
    SELECT load_id, load_no INTO o_load, o_load_no FROM genogate_store.loads
      WHERE status IN ('started', 'failed') AND fingerprint IS NOT NULL
        AND (meeting = p_meeting AND fingerprint IS DISTINCT FROM p_fingerprint
             OR fingerprint = p_fingerprint AND meeting <> p_meeting)
      LIMIT 1;
    IF FOUND THEN
      o_state := 'other';
      RETURN;
    END IF;
  END IF;
  IF p_shard IS NOT NULL THEN
    PERFORM pg_advisory_xact_lock(hashtextextended(encode(p_fingerprint, 'hex'), key));
    SELECT load_id, load_no, shards INTO o_load, o_load_no, cut FROM genogate_store.loads
      WHERE fingerprint = p_fingerprint AND status IN ('started', 'failed') ORDER BY created DESC LIMIT 1;
    IF FOUND THEN
      o_state := 'resumed';
      -- Alone for a moment: nobody works on it, so it may be cut anew.
      IF pg_try_advisory_lock(key, o_load_no) THEN
        PERFORM pg_advisory_lock_shared(key, o_load_no), pg_advisory_unlock(key, o_load_no);
      ELSIF NOT pg_try_advisory_lock_shared(key, o_load_no) THEN
        o_state := 'busy';
        RETURN;
      ELSIF cut IS DISTINCT FROM p_shards THEN
        PERFORM pg_advisory_unlock_shared(key, o_load_no);
        o_state := 'split';
        RETURN;
      END IF;
      UPDATE genogate_store.loads SET status = 'started', reason = NULL, finished = NULL WHERE load_id = o_load;
    ELSIF NOT p_force THEN
      SELECT load_id, load_no INTO o_load, o_load_no FROM genogate_store.loads
        WHERE fingerprint = p_fingerprint AND status = 'complete' ORDER BY created DESC LIMIT 1;
      IF FOUND THEN
        o_state := 'complete';
        RETURN;
      END IF;
    END IF;
  END IF;
  IF o_state IS NULL THEN
    SELECT b.o_load, b.o_load_no, b.o_state INTO o_load, o_load_no, o_state
      FROM genogate_store.begin_load(p_load, p_name, p_options, p_fingerprint, p_sample_ids, p_assembly, p_inputs) b;
    IF o_state = 'busy' THEN
      RETURN;
    END IF;
    IF p_shard IS NOT NULL THEN
      PERFORM pg_advisory_lock_shared(key, o_load_no), pg_advisory_unlock(key, o_load_no);
    END IF;
  END IF;
  IF p_shard IS NOT NULL
    AND NOT pg_try_advisory_lock(hashtextextended(format('shard %s/%s of %s', p_shard, p_shards, o_load_no), key)) THEN
    PERFORM pg_advisory_unlock_shared(key, o_load_no);
    o_state := 'busy';
    RETURN;
  END IF;
  UPDATE genogate_store.loads SET meeting = coalesce(meeting, p_meeting), shards = p_shards WHERE load_id = o_load;
  UPDATE genogate_store.inputs SET units = p_units[input] WHERE load_id = o_load AND units IS NULL;
END
$$;

-- Told at the end of a run: these inputs, whose units were unknown, were read to their ends.
CREATE FUNCTION genogate_store.close_inputs(p_load uuid, p_inputs integer[]) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  UPDATE genogate_store.inputs i
    SET units = (SELECT count(*) FROM genogate_store.units u WHERE u.load_id = i.load_id AND u.input = i.input)
    WHERE i.load_id = p_load AND i.input = ANY (p_inputs) AND i.units IS NULL
$$;

-- Gives an input up: nothing of it will be visible. Only in a load that is in progress.
CREATE FUNCTION genogate_store.give_up_input(p_load uuid, p_input integer, p_reason text) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  UPDATE genogate_store.inputs i SET reason = p_reason
    FROM genogate_store.loads l
    WHERE l.load_id = p_load AND l.status = 'started' AND i.load_id = p_load AND i.input = p_input AND i.reason IS NULL
$$;

-- Removes what inputs that were given up have stored. A header of zeros keeps the load apart from one that holds them.
CREATE FUNCTION genogate_store.take_back_inputs(p_load uuid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  given record;
BEGIN
  PERFORM FROM genogate_store.loads WHERE load_id = p_load AND status = 'started' FOR UPDATE;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'the load is not in progress any more' USING ERRCODE = 'GG100';
  END IF;
  FOR given IN
    SELECT i.input, (l.load_no::bigint << 41) | (min(u.unit)::bigint << 21) AS low,
           (l.load_no::bigint << 41) | (max(u.unit)::bigint << 21) | ((1::bigint << 21) - 1) AS high
    FROM genogate_store.inputs i
    JOIN genogate_store.loads l USING (load_id)
    LEFT JOIN genogate_store.units u ON u.load_id = i.load_id AND u.input = i.input
    WHERE i.load_id = p_load AND i.reason IS NOT NULL
    GROUP BY i.input, l.load_no
  LOOP
    DELETE FROM genogate_store.calls WHERE variant_id BETWEEN given.low AND given.high;
    DELETE FROM genogate_store.variants WHERE variant_id BETWEEN given.low AND given.high;
    DELETE FROM genogate_store.quarantine q USING genogate_store.units u
      WHERE u.load_id = p_load AND u.input = given.input AND q.load_id = p_load AND q.unit = u.unit;
    DELETE FROM genogate_store.units WHERE load_id = p_load AND input = given.input;
    DELETE FROM genogate_store.samples WHERE load_id = p_load AND input = given.input;
    UPDATE genogate_store.inputs SET header_digest = decode(repeat('00', 32), 'hex'), header = '[]'
      WHERE load_id = p_load AND input = given.input;
  END LOOP;
END
$$;

-- How far each input of a load is.
CREATE FUNCTION genogate_store.load_progress(
  p_load uuid, OUT o_input integer, OUT o_planned integer, OUT o_units bigint, OUT o_records bigint, OUT o_variants bigint,
  OUT o_calls bigint, OUT o_quarantined bigint, OUT o_filtered bigint, OUT o_out_of_region bigint, OUT o_reason text)
RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT i.input, i.units, count(u.unit), coalesce(sum(u.records), 0)::bigint, coalesce(sum(u.variants), 0)::bigint,
         coalesce(sum(u.calls), 0)::bigint, coalesce(sum(u.quarantined), 0)::bigint, coalesce(sum(u.filtered), 0)::bigint,
         coalesce(sum(u.out_of_region), 0)::bigint, i.reason
  FROM genogate_store.inputs i
  LEFT JOIN genogate_store.units u ON u.load_id = i.load_id AND u.input = i.input
  WHERE i.load_id = p_load GROUP BY i.input, i.units, i.reason ORDER BY i.input
$$;

-- A shard ends without success. The load goes on while other sessions work on it; the last one leaves it failed.
CREATE FUNCTION genogate_store.leave_load(p_load uuid, p_reason text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp
SET client_min_messages = 'error' AS $$
DECLARE
  number integer;
BEGIN
  SELECT load_no INTO number FROM genogate_store.loads WHERE load_id = p_load AND status = 'started' FOR UPDATE;
  IF NOT FOUND THEN
    RETURN;
  END IF;
  PERFORM pg_advisory_unlock_shared(genogate_store.lock_key(), number);
  IF pg_try_advisory_xact_lock(genogate_store.lock_key(), number) THEN
    UPDATE genogate_store.loads SET status = 'failed', reason = p_reason, finished = clock_timestamp() WHERE load_id = p_load;
  ELSE
    UPDATE genogate_store.loads SET reason = p_reason WHERE load_id = p_load;
  END IF;
END
$$;

-- Takes up a load to finish it without its files. False: a run without shards is on it, or it cannot be taken up.
CREATE FUNCTION genogate_store.reopen_load(p_load uuid) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  number integer;
BEGIN
  SELECT load_no INTO number FROM genogate_store.loads
    WHERE load_id = p_load AND status IN ('started', 'failed') AND fingerprint IS NOT NULL FOR UPDATE;
  IF NOT FOUND OR NOT pg_try_advisory_lock_shared(genogate_store.lock_key(), number) THEN
    RETURN false;
  END IF;
  UPDATE genogate_store.loads SET status = 'started', reason = NULL, finished = NULL WHERE load_id = p_load AND status = 'failed';
  RETURN true;
END
$$;

-- Sessions that want to finish one load take turns; a turn ends with the session. A negative number is no load's: this lock is for finishing only.
CREATE FUNCTION genogate_store.take_turn(p_load uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT pg_advisory_lock(genogate_store.lock_key(), -load_no) FROM genogate_store.loads WHERE load_id = p_load
$$;

-- A shard whose connection was lost takes its locks again on a new one. False: another session holds them.
CREATE FUNCTION genogate_store.hold_shard(p_load uuid, p_shard integer, p_shards integer) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
DECLARE
  key constant integer := genogate_store.lock_key();
  number integer;
BEGIN
  SELECT load_no INTO number FROM genogate_store.loads WHERE load_id = p_load;
  IF NOT FOUND OR NOT pg_try_advisory_lock_shared(key, number) THEN
    RETURN false;
  END IF;
  IF NOT pg_try_advisory_lock(hashtextextended(format('shard %s/%s of %s', p_shard, p_shards, number), key)) THEN
    PERFORM pg_advisory_unlock_shared(key, number);
    RETURN false;
  END IF;
  RETURN true;
END
$$;

-- Sessions at work on each load that has any.
CREATE FUNCTION genogate_store.load_sessions(OUT o_load uuid, OUT o_sessions bigint) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT l.load_id, count(*)
  FROM pg_locks k JOIN genogate_store.loads l ON k.objid = l.load_no::oid
  WHERE k.locktype = 'advisory' AND k.objsubid = 2 AND k.granted AND k.classid = genogate_store.lock_key()::oid
    AND k.database = (SELECT oid FROM pg_database WHERE datname = current_database())
  GROUP BY l.load_id
$$;

REVOKE ALL ON FUNCTION
  genogate_store.join_load(uuid, text, bytea, bytea, text, text, jsonb, integer[], text, integer, integer, boolean),
  genogate_store.close_inputs(uuid, integer[]), genogate_store.give_up_input(uuid, integer, text),
  genogate_store.take_back_inputs(uuid), genogate_store.load_progress(uuid), genogate_store.leave_load(uuid, text),
  genogate_store.reopen_load(uuid), genogate_store.take_turn(uuid), genogate_store.hold_shard(uuid, integer, integer), genogate_store.load_sessions() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION
  genogate_store.join_load(uuid, text, bytea, bytea, text, text, jsonb, integer[], text, integer, integer, boolean),
  genogate_store.close_inputs(uuid, integer[]), genogate_store.give_up_input(uuid, integer, text),
  genogate_store.take_back_inputs(uuid), genogate_store.load_progress(uuid), genogate_store.leave_load(uuid, text),
  genogate_store.reopen_load(uuid), genogate_store.take_turn(uuid), genogate_store.hold_shard(uuid, integer, integer), genogate_store.load_sessions() TO genogate_app;

RESET ROLE;
