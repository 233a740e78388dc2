-- The audit trail: one chain of events a database, append-only.
--
-- audit.events         rows enter by COPY directly behind the head, sealed; nothing changes or removes them.
-- audit.head           the end of the chain; moves only together with the rows that move it.
-- genogate.audit_events  what people read. For now the application reads it on behalf of the local administrator; when the
--                      database knows sessions, the view and the insert guard ask for one, and the table stays as it is.
--
-- A superuser can switch triggers off. Then the chain shows what was done: genogate audit verify recomputes every hash.
SET LOCAL ROLE genogate_owner;

CREATE SCHEMA audit;
CREATE SCHEMA IF NOT EXISTS genogate;

CREATE TABLE audit.events (
  seq        bigint PRIMARY KEY CHECK (seq > 0),
  time       timestamptz NOT NULL,
  actor      text NOT NULL,
  run_id     uuid NOT NULL,
  event      text NOT NULL,
  outcome    text NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
  -- A JSON object, kept as text: the hash covers its bytes.
  detail     text NOT NULL,
  -- An event is the same event wherever it was kept before: importing it twice is refused.
  trail_id   uuid NOT NULL,
  trail_seq  bigint NOT NULL CHECK (trail_seq > 0),
  -- Its hash in the spool, when the database was away.
  spool_hash bytea CHECK (octet_length(spool_hash) = 32),
  prev_hash  bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
  hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
  UNIQUE (trail_id, trail_seq)
);
CREATE INDEX events_time ON audit.events USING brin (time);

CREATE TABLE audit.head (
  one        boolean PRIMARY KEY DEFAULT true CHECK (one),
  -- Names this chain; the genesis hash is made of it.
  chain_id   uuid NOT NULL,
  seq        bigint NOT NULL CHECK (seq >= 0),
  hash       bytea NOT NULL CHECK (octet_length(hash) = 32)
);
INSERT INTO audit.head (chain_id, seq, hash)
  SELECT id, 0, sha256(convert_to('genogate audit genesis v1', 'UTF8') || uuid_send(id)) FROM gen_random_uuid() id;

-- A field of a row's canonical encoding: its length in bytes (8, big-endian; -1 when absent) and its bytes.
CREATE FUNCTION audit.field(bytea) RETURNS bytea
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT CASE WHEN $1 IS NULL THEN int8send(-1) ELSE int8send(octet_length($1)) || $1 END
$$;

-- The hash a row must have. src/audit/seal.rs computes the same; a test holds them together.
CREATE FUNCTION audit.row_hash(e audit.events) RETURNS bytea
LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp AS $$
  SELECT sha256(convert_to('genogate audit row v1', 'UTF8')
    || audit.field(int8send(e.seq)) || audit.field(timestamptz_send(e.time))
    || audit.field(convert_to(e.actor, 'UTF8')) || audit.field(uuid_send(e.run_id))
    || audit.field(convert_to(e.event, 'UTF8')) || audit.field(convert_to(e.outcome, 'UTF8'))
    || audit.field(convert_to(e.detail, 'UTF8')) || audit.field(uuid_send(e.trail_id))
    || audit.field(int8send(e.trail_seq)) || audit.field(e.spool_hash) || audit.field(e.prev_hash))
$$;

-- Takes the head under a lock that lasts until the transaction ends: two writers take turns and never fork the chain.
CREATE FUNCTION audit.lock_head(OUT seq bigint, OUT hash bytea)
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT h.seq, h.hash FROM audit.head h FOR UPDATE
$$;

-- The head as it is.
CREATE FUNCTION audit.read_head(OUT chain_id uuid, OUT seq bigint, OUT hash bytea)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT h.chain_id, h.seq, h.hash FROM audit.head h
$$;

-- Which of a trail's events are here already. Numbers only.
CREATE FUNCTION audit.known(p_trail uuid, p_seqs bigint[]) RETURNS SETOF bigint
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
  SELECT e.trail_seq FROM audit.events e WHERE e.trail_id = p_trail AND e.trail_seq = ANY (p_seqs)
$$;

-- Lets rows in only directly behind the head, linked and truly hashed, and moves the head to the last of them.
CREATE FUNCTION audit.guard_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tip   audit.head;
  wrong bigint;
  added bigint;
  last  bytea;
BEGIN
  SELECT * INTO STRICT tip FROM audit.head FOR UPDATE;
  SELECT count(*), count(*) FILTER (WHERE c.seq <> tip.seq + c.place OR c.prev_hash <> c.before OR c.hash <> c.true_hash),
         (array_agg(c.hash ORDER BY c.seq DESC))[1]
    INTO added, wrong, last
    FROM (SELECT n.seq, n.prev_hash, n.hash, audit.row_hash(n::audit.events) AS true_hash,
                 row_number() OVER (ORDER BY n.seq) AS place, lag(n.hash, 1, tip.hash) OVER (ORDER BY n.seq) AS before
          FROM new_events n) c;
  IF added = 0 THEN
    RETURN NULL;
  END IF;
  IF wrong > 0 THEN
    RAISE EXCEPTION 'audit events enter only behind the head of the chain, sealed' USING ERRCODE = 'insufficient_privilege';
  END IF;
  UPDATE audit.head SET seq = tip.seq + added, hash = last;
  RETURN NULL;
END
$$;
CREATE TRIGGER guard_insert AFTER INSERT ON audit.events REFERENCING NEW TABLE AS new_events
  FOR EACH STATEMENT EXECUTE FUNCTION audit.guard_insert();

CREATE FUNCTION audit.refuse() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  RAISE EXCEPTION '% of % is refused: the audit trail is append-only', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END
$$;
CREATE TRIGGER refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON audit.events
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER refuse BEFORE INSERT OR DELETE OR TRUNCATE ON audit.head
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();

-- The head moves forward, and only from within the insert guard.
CREATE FUNCTION audit.guard_head() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF pg_trigger_depth() < 2 OR new.chain_id <> old.chain_id OR new.seq <= old.seq THEN
    RAISE EXCEPTION 'the head of the audit trail moves only with its events' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN new;
END
$$;
CREATE TRIGGER guard_head BEFORE UPDATE ON audit.head FOR EACH ROW EXECUTE FUNCTION audit.guard_head();

CREATE VIEW genogate.audit_events WITH (security_barrier) AS
  SELECT seq, time, actor, run_id, event, outcome, detail, trail_id, trail_seq, spool_hash, prev_hash, hash FROM audit.events;

REVOKE ALL ON SCHEMA audit FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA audit FROM PUBLIC;
REVOKE ALL ON genogate.audit_events FROM PUBLIC;
REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit FROM PUBLIC;

GRANT USAGE ON SCHEMA audit, genogate TO genogate_app;
GRANT INSERT ON audit.events TO genogate_app;
GRANT SELECT ON genogate.audit_events TO genogate_app;
GRANT EXECUTE ON FUNCTION audit.lock_head(), audit.read_head(), audit.known(uuid, bigint[]) TO genogate_app;

RESET ROLE;
