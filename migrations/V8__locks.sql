-- The limit on holding a lock. Any session of the application's can hold what every command needs (the trail's head, the vault, a
-- table, an advisory lock), and no limit of a role binds a session that sets it to 0. So who waits asks for the end of the holder.
SET LOCAL ROLE genogate_owner;

-- Ends the sessions that keep the session p_waiter waiting, when they have for too long:
--   10 seconds  the trail's head and the vault, which nobody needs for longer than a statement
--   20 seconds  anything else, held by a session that stands still: between statements, waiting for its client, or asleep
--   10 minutes  anything else, held by a session at work; never one that builds an index, makes statistics or vacuums
-- Held so long is the one lock the waiter has been waiting for: who waits in a queue keeps nobody waiting. Only sessions whose role
-- the owner of these functions is a member of are ended, so no administrator's.
-- o_state: nothing, working or waiting. o_ended: how many sessions were ended, for the longest waited of their locks.
CREATE FUNCTION access.end_holders(
  p_waiter integer, OUT o_state text, OUT o_lock text, OUT o_seconds integer, OUT o_ended integer)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
  held record;
BEGIN
  PERFORM access.require('locks:end');
  o_ended := 0;
  -- The state of an administrator's session is not told, but who is blocked is.
  SELECT CASE WHEN a.state = 'active' OR cardinality(pg_blocking_pids(p_waiter)) > 0 THEN 'working' ELSE 'nothing' END INTO o_state
    FROM pg_stat_activity a WHERE a.pid = p_waiter AND a.datname = current_database();
  IF coalesce(o_state, 'nothing') = 'nothing' THEN
    o_state := 'nothing';
    RETURN;
  END IF;
  FOR held IN
    WITH RECURSIVE edges (waiter, holder) AS (
      SELECT p_waiter, b FROM unnest(pg_blocking_pids(p_waiter)) b
      UNION
      SELECT e.holder, b FROM edges e CROSS JOIN LATERAL unnest(pg_blocking_pids(e.holder)) b
    ), waits AS (
      -- What each waits for, and since when (PostgreSQL 13 does not say: since its statement began).
      SELECT e.holder, coalesce((to_jsonb(l) ->> 'waitstart')::timestamptz, w.query_start) AS since,
             CASE
               WHEN EXISTS (SELECT FROM pg_locks h WHERE h.pid = e.holder AND h.granted AND h.locktype = 'relation'
                            AND h.mode IN ('RowShareLock', 'RowExclusiveLock') AND h.relation = to_regclass('audit.head'))
                    AND l.locktype IN ('transactionid', 'tuple') THEN 'audit.head'
               WHEN l.relation IS NOT NULL THEN l.relation::regclass::text
               ELSE l.locktype
             END AS name
      FROM edges e
      JOIN pg_locks l ON l.pid = e.waiter AND NOT l.granted
      JOIN pg_stat_activity w ON w.pid = e.waiter
      WHERE cardinality(pg_blocking_pids(e.holder)) = 0
    )
    SELECT DISTINCT ON (s.holder) s.holder, s.since, s.name,
           a.state <> 'active' OR a.wait_event_type = 'Client' OR a.wait_event = 'PgSleep' AS still,
           EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.pid = s.holder)
             OR EXISTS (SELECT FROM pg_stat_progress_analyze p WHERE p.pid = s.holder)
             OR EXISTS (SELECT FROM pg_stat_progress_vacuum p WHERE p.pid = s.holder) AS maintains,
           pg_has_role(current_user, a.usesysid, 'USAGE') AS ours
    FROM waits s JOIN pg_stat_activity a ON a.pid = s.holder
    WHERE a.backend_type = 'client backend'
    ORDER BY s.holder, s.since
  LOOP
    o_state := 'waiting';
    CONTINUE WHEN NOT held.ours OR clock_timestamp() - held.since < CASE
      WHEN held.name IN ('audit.head', 'phi_vault.samples') THEN interval '10 s'
      WHEN held.still THEN interval '20 s'
      WHEN held.maintains THEN interval '100 years'
      ELSE interval '10 min'
    END;
    IF pg_terminate_backend(held.holder) THEN
      o_ended := o_ended + 1;
      IF extract(epoch FROM clock_timestamp() - held.since) > coalesce(o_seconds, -1) THEN
        o_seconds := extract(epoch FROM clock_timestamp() - held.since);
        o_lock := held.name;
      END IF;
    END IF;
  END LOOP;
END
$$;
GRANT USAGE ON SCHEMA access TO genogate_app;
GRANT EXECUTE ON FUNCTION access.end_holders(integer) TO genogate_app;

RESET ROLE;
