-- A run whose connection was lost takes its load's lock again on a new one.
SET LOCAL ROLE genogate_owner;

-- True: this session holds the load's lock now. False: another one does, or there is no such load.
CREATE FUNCTION genogate_store.hold_load(p_load uuid) RETURNS boolean
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT coalesce((SELECT pg_try_advisory_lock(genogate_store.lock_key(), load_no)
                   FROM genogate_store.loads WHERE load_id = p_load), false)
$$;

REVOKE ALL ON FUNCTION genogate_store.hold_load(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION genogate_store.hold_load(uuid) TO genogate_app;

RESET ROLE;
