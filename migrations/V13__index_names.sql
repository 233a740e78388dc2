-- A partition's indexes and those of the tables, which make the same ones where they are missing, are never built at once: two of
-- one name would be made.
SET LOCAL ROLE genogate_owner;

-- Builds what is missing of one partition's indexes. Several sessions beside each other need no parallel workers.
CREATE OR REPLACE FUNCTION genogate_store.index_partition(p_partition oid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp
SET maintenance_work_mem = '256MB' SET max_parallel_maintenance_workers = 0 SET client_min_messages = 'warning' AS $$
DECLARE
  missing record;
BEGIN
  -- What build_indexes holds alone.
  PERFORM pg_advisory_xact_lock_shared(hashtextextended('indexes', genogate_store.lock_key()));
  -- Loads that end at the same time share the work.
  PERFORM pg_advisory_xact_lock(hashtextextended('indexes of ' || p_partition, genogate_store.lock_key()));
  FOR missing IN SELECT * FROM genogate_store.missing_indexes() m WHERE m.o_partition = p_partition LOOP
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON genogate_store.%I %s', missing.o_name, missing.o_table, missing.o_columns);
  END LOOP;
END
$$;

RESET ROLE;
