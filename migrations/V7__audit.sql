-- The audit trail: one chain of events a database, append-only.
--
-- audit.events         rows enter by COPY directly behind the head, sealed; nothing changes or removes them.
-- audit.trails         each recorder's trail and its last event here: an event comes once, in its trail's order.
-- audit.head           the end of the chain; moves only together with the rows that move it.
-- genogate.audit_events  what people read. For now the application reads it on behalf of the local administrator; when the
--                      database knows sessions, the view and the functions ask for one, and the tables stay as they are.
--
-- A superuser can switch triggers off. Then the chain shows what was done: genogate audit verify recomputes every hash.
SET LOCAL ROLE genogate_owner;

CREATE SCHEMA audit;

-- Partitions are ranges of `recorded`, such as months: attach them as they are wanted, with the trigger `refuse_direct` on each.
-- So no unique index spans the table but the key, and the head and audit.trails keep places from coming twice.
CREATE TABLE audit.events (
  seq        bigint NOT NULL CHECK (seq > 0),
  -- The server's clock when the row came, and the program's when the event happened.
  recorded   timestamptz NOT NULL,
  time       timestamptz NOT NULL,
  actor      text NOT NULL,
  session_id uuid,
  run_id     uuid NOT NULL,
  event      text NOT NULL,
  outcome    text NOT NULL CHECK (outcome IN ('success', 'failure', 'denied')),
  -- A JSON object, kept as text: the hash covers its bytes.
  detail     text NOT NULL,
  -- The recorder's trail and the event's place in it.
  trail_id   uuid NOT NULL,
  trail_seq  bigint NOT NULL CHECK (trail_seq > 0),
  -- Its hash in the spool, when the database was away.
  spool_hash bytea CHECK (octet_length(spool_hash) = 32),
  prev_hash  bytea NOT NULL CHECK (octet_length(prev_hash) = 32),
  hash       bytea NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (seq, recorded)
) PARTITION BY RANGE (recorded);
CREATE INDEX events_time ON audit.events USING brin (time);
CREATE TABLE audit.events_rest PARTITION OF audit.events DEFAULT;

CREATE TABLE audit.trails (
  trail_id   uuid PRIMARY KEY,
  last       bigint NOT NULL CHECK (last > 0)
);

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
    || audit.field(int8send(e.seq)) || audit.field(timestamptz_send(e.recorded)) || audit.field(timestamptz_send(e.time))
    || audit.field(convert_to(e.actor, 'UTF8')) || audit.field(uuid_send(e.session_id)) || audit.field(uuid_send(e.run_id))
    || audit.field(convert_to(e.event, 'UTF8')) || audit.field(convert_to(e.outcome, 'UTF8'))
    || audit.field(convert_to(e.detail, 'UTF8')) || audit.field(uuid_send(e.trail_id))
    || audit.field(int8send(e.trail_seq)) || audit.field(e.spool_hash) || audit.field(e.prev_hash))
$$;

-- Takes the head under a lock that lasts until the transaction ends: two writers take turns and never fork the chain. With it
-- come the last event of the trail p_trail here (0: none), and the server's clock, read under the lock: the rows' `recorded`,
-- which the writer must know because the hash covers it. A column default could not be hashed, and the transaction's own time
-- may lie far back.
CREATE FUNCTION audit.lock_head(p_trail uuid, OUT seq bigint, OUT hash bytea, OUT last bigint, OUT recorded timestamptz)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM access.require('audit:append');
  SELECT h.seq, h.hash INTO STRICT lock_head.seq, lock_head.hash FROM audit.head h FOR UPDATE;
  last := coalesce((SELECT t.last FROM audit.trails t WHERE t.trail_id = p_trail), 0);
  recorded := clock_timestamp();
END
$$;

-- The head as it is.
CREATE FUNCTION audit.read_head(OUT chain_id uuid, OUT seq bigint, OUT hash bytea)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  PERFORM access.require('audit:read');
  SELECT h.chain_id, h.seq, h.hash INTO read_head.chain_id, read_head.seq, read_head.hash FROM audit.head h;
END
$$;

-- Lets rows in only directly behind the head, linked and truly hashed, recorded within the last minute by the server's clock, and
-- behind what their trails have here; moves the head and the trails to the last of them. The minute is what a writer may take
-- between asking for the head and its COPY.
CREATE FUNCTION audit.guard_insert() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  tip   audit.head;
  clock timestamptz := clock_timestamp();
  wrong bigint;
  added bigint;
  last  bytea;
BEGIN
  SELECT * INTO STRICT tip FROM audit.head FOR UPDATE;
  SELECT count(*),
         count(*) FILTER (WHERE c.seq <> tip.seq + c.place OR c.prev_hash <> c.before OR c.hash <> c.true_hash
                             OR c.recorded NOT BETWEEN clock - interval '1 minute' AND clock OR c.trail_seq <= c.trail_before),
         (array_agg(c.hash ORDER BY c.seq DESC))[1]
    INTO added, wrong, last
    FROM (SELECT n.seq, n.recorded, n.trail_seq, n.prev_hash, n.hash, audit.row_hash(n::audit.events) AS true_hash,
                 row_number() OVER (ORDER BY n.seq) AS place, lag(n.hash, 1, tip.hash) OVER (ORDER BY n.seq) AS before,
                 lag(n.trail_seq, 1, coalesce(t.last, 0)) OVER (PARTITION BY n.trail_id ORDER BY n.seq) AS trail_before
          FROM new_events n LEFT JOIN audit.trails t ON t.trail_id = n.trail_id) c;
  IF added = 0 THEN
    RETURN NULL;
  END IF;
  IF wrong > 0 THEN
    RAISE EXCEPTION 'audit events enter only behind the head of the chain and their trail, sealed, with the time of the server'
      USING ERRCODE = 'insufficient_privilege';
  END IF;
  UPDATE audit.head SET seq = tip.seq + added, hash = last;
  INSERT INTO audit.trails AS t SELECT n.trail_id, max(n.trail_seq) FROM new_events n GROUP BY n.trail_id
    ON CONFLICT (trail_id) DO UPDATE SET last = excluded.last;
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
-- A statement's triggers are those of the table it names: past the parent nothing enters or goes.
CREATE TRIGGER refuse_direct BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON audit.events_rest
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER refuse BEFORE DELETE OR TRUNCATE ON audit.trails
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();
CREATE TRIGGER refuse BEFORE INSERT OR DELETE OR TRUNCATE ON audit.head
  FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse();

-- The head and the trails move forward, and only from within the insert guard.
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

CREATE FUNCTION audit.guard_trails() RETURNS trigger
LANGUAGE plpgsql SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF pg_trigger_depth() < 2 OR (TG_OP = 'UPDATE' AND (new.trail_id <> old.trail_id OR new.last <= old.last)) THEN
    RAISE EXCEPTION 'a trail moves only with its events' USING ERRCODE = 'insufficient_privilege';
  END IF;
  RETURN new;
END
$$;
CREATE TRIGGER guard_trails BEFORE INSERT OR UPDATE ON audit.trails FOR EACH ROW EXECUTE FUNCTION audit.guard_trails();

CREATE VIEW genogate.audit_events WITH (security_barrier) AS
  SELECT seq, recorded, time, actor, session_id, run_id, event, outcome, detail, trail_id, trail_seq, spool_hash, prev_hash, hash
  FROM audit.events;

REVOKE ALL ON SCHEMA audit FROM PUBLIC;
REVOKE ALL ON ALL TABLES IN SCHEMA audit FROM PUBLIC;
REVOKE ALL ON genogate.audit_events FROM PUBLIC;

GRANT USAGE ON SCHEMA audit TO genogate_app;
GRANT INSERT ON audit.events TO genogate_app;
GRANT SELECT ON genogate.audit_events TO genogate_app;
GRANT EXECUTE ON FUNCTION audit.lock_head(uuid), audit.read_head() TO genogate_app;

RESET ROLE;
