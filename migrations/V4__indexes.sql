-- Indexes and statistics of the bulk tables. The first load of an empty warehouse leaves the indexes out and builds them at its
-- end, on several sessions at once: a partition's in a transaction of their own, then those of the tables, which adopt them.
SET LOCAL ROLE genogate_owner;

-- The indexes. suffix: what PostgreSQL itself calls a partition's share, after the partition's name.
CREATE FUNCTION genogate_store.bulk_indexes(OUT o_table text, OUT o_name text, OUT o_suffix text, OUT o_columns text) RETURNS SETOF record
LANGUAGE sql IMMUTABLE SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  VALUES ('variants', 'variants_position', 'contig_pos_idx', '(contig, pos)'),
         ('variants', 'variants_id', 'variant_id_idx', '(variant_id)'),
         -- Rows of one load lie together, so a block-range index finds a load.
         ('variants', 'variants_load', 'load_id_idx', 'USING brin (load_id)'),
         ('calls', 'calls_variant', 'variant_id_idx', '(variant_id)'),
         ('calls', 'calls_sample', 'load_id_input_sample_index_idx', '(load_id, input, sample_index)')
$$;

-- What is missing of them below the tables: partitions with rows, and the names their indexes get.
CREATE FUNCTION genogate_store.missing_indexes(
  OUT o_partition oid, OUT o_table text, OUT o_name text, OUT o_columns text, OUT o_bytes bigint) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT access.require('loads:write');
  SELECT c.oid, c.relname::text, c.relname || '_' || b.o_suffix, b.o_columns, pg_relation_size(c.oid)
  FROM genogate_store.bulk_indexes() b
  JOIN pg_inherits i ON i.inhparent = to_regclass('genogate_store.' || b.o_table)
  JOIN pg_class c ON c.oid = i.inhrelid
  WHERE to_regclass('genogate_store.' || b.o_name) IS NULL
    AND to_regclass(format('genogate_store.%I', c.relname || '_' || b.o_suffix)) IS NULL
    AND pg_relation_size(c.oid) > 0
$$;

-- Builds what is missing of one partition's indexes. Several sessions beside each other need no parallel workers.
CREATE FUNCTION genogate_store.index_partition(p_partition oid) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp
SET maintenance_work_mem = '256MB' SET max_parallel_maintenance_workers = 0 SET client_min_messages = 'warning' AS $$
DECLARE
  missing record;
BEGIN
  PERFORM access.require('loads:write');
  IF NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = p_partition
                 AND inhparent IN ('genogate_store.variants'::regclass, 'genogate_store.calls'::regclass)) THEN
    RAISE EXCEPTION 'this is no partition of a bulk table' USING ERRCODE = 'GG500';
  END IF;
  -- Loads that end at the same time share the work, and build_indexes, which makes the same ones, waits or is waited for.
  EXECUTE format('LOCK TABLE %s IN SHARE UPDATE EXCLUSIVE MODE', p_partition::regclass);
  FOR missing IN SELECT * FROM genogate_store.missing_indexes() m WHERE m.o_partition = p_partition LOOP
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON genogate_store.%I %s', missing.o_name, missing.o_table, missing.o_columns);
  END LOOP;
END
$$;

-- The tables' indexes, for which partitions that have theirs are not read again. Takes no lock when nothing is missing.
CREATE FUNCTION genogate_store.build_indexes() RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp
SET maintenance_work_mem = '256MB' SET client_min_messages = 'warning' AS $$
DECLARE
  missing record;
BEGIN
  PERFORM access.require('loads:write');
  FOR missing IN SELECT * FROM genogate_store.bulk_indexes() b WHERE to_regclass('genogate_store.' || b.o_name) IS NULL LOOP
    -- Two sessions would both make it: what CREATE INDEX takes does not keep out itself.
    EXECUTE format('LOCK TABLE ONLY genogate_store.%I IN SHARE ROW EXCLUSIVE MODE', missing.o_table);
    EXECUTE format('CREATE INDEX IF NOT EXISTS %I ON genogate_store.%I %s', missing.o_name, missing.o_table, missing.o_columns);
  END LOOP;
END
$$;

-- Leaves the indexes out while the first load fills an empty warehouse, also those that a load left half-built. False: something
-- is stored or being stored.
CREATE FUNCTION genogate_store.drop_indexes_if_empty() RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp
SET client_min_messages = 'warning' AS $$
DECLARE
  built regclass;
BEGIN
  PERFORM access.require('loads:write');
  BEGIN
    LOCK TABLE genogate_store.variants, genogate_store.calls IN ACCESS EXCLUSIVE MODE NOWAIT;
  EXCEPTION WHEN lock_not_available THEN
    RETURN false;
  END;
  IF EXISTS (SELECT FROM genogate_store.variants) OR EXISTS (SELECT FROM genogate_store.calls) THEN
    RETURN false;
  END IF;
  FOR built IN
    SELECT to_regclass('genogate_store.' || b.o_name) FROM genogate_store.bulk_indexes() b
    UNION ALL
    SELECT to_regclass(format('genogate_store.%I', c.relname || '_' || b.o_suffix))
    FROM genogate_store.bulk_indexes() b
    JOIN pg_inherits i ON i.inhparent = to_regclass('genogate_store.' || b.o_table)
    JOIN pg_class c ON c.oid = i.inhrelid
    WHERE to_regclass('genogate_store.' || b.o_name) IS NULL
  LOOP
    IF built IS NOT NULL THEN
      EXECUTE format('DROP INDEX %s', built);
    END IF;
  END LOOP;
  RETURN true;
END
$$;

-- Statistics of the columns that are asked for, of a table as a whole, which autovacuum never looks at, and of its partitions. Of
-- these a small sample does: autovacuum makes better ones, of all columns, as soon as it comes by.
ALTER TABLE ONLY genogate_store.variants
  ALTER COLUMN contig SET STATISTICS 100, ALTER COLUMN pos SET STATISTICS 100, ALTER COLUMN variant_id SET STATISTICS 100,
  ALTER COLUMN load_id SET STATISTICS 100;
ALTER TABLE ONLY genogate_store.calls
  ALTER COLUMN contig SET STATISTICS 100, ALTER COLUMN variant_id SET STATISTICS 100, ALTER COLUMN load_id SET STATISTICS 100,
  ALTER COLUMN input SET STATISTICS 100, ALTER COLUMN sample_index SET STATISTICS 100;

-- Makes statistics anew where a table or partition has outgrown those it has.
CREATE FUNCTION genogate_store.analyze_table(p_table text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp
SET default_statistics_target = 10 AS $$
DECLARE
  parent  regclass := to_regclass('genogate_store.' || quote_ident(p_table));
  columns text;
  leaf    regclass;
BEGIN
  PERFORM access.require('loads:write');
  -- Those with a target of their own.
  SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) INTO columns FROM pg_attribute
    WHERE attrelid = parent AND attstattarget > 0 AND p_table IN ('variants', 'calls');
  IF columns IS NULL THEN
    RAISE EXCEPTION 'this is no bulk table' USING ERRCODE = 'GG500';
  END IF;
  -- First the table, as ANALYZE does, so that two of these never wait for each other.
  EXECUTE format('LOCK TABLE ONLY %s IN SHARE UPDATE EXCLUSIVE MODE', parent);
  IF (SELECT reltuples > 0 FROM pg_class WHERE oid = parent) THEN
    FOR leaf IN
      SELECT c.oid FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
      WHERE i.inhparent = parent AND pg_relation_size(c.oid) > 0
        AND (pg_relation_size(c.oid) > 1.1 * c.relpages * current_setting('block_size')::bigint
             OR NOT EXISTS (SELECT FROM pg_stats s WHERE s.schemaname = 'genogate_store' AND s.tablename = c.relname AND NOT s.inherited))
      ORDER BY c.oid
    LOOP
      EXECUTE format('ANALYZE %s (%s)', leaf, columns);
    END LOOP;
    IF (SELECT sum(greatest(c.reltuples, 0)) <= 1.1 * p.reltuples
        FROM pg_class p JOIN pg_inherits i ON i.inhparent = p.oid JOIN pg_class c ON c.oid = i.inhrelid
        WHERE p.oid = parent GROUP BY p.reltuples) THEN
      RETURN;
    END IF;
  END IF;
  EXECUTE format('ANALYZE %s (%s)', parent, columns);
END
$$;

SELECT genogate_store.build_indexes();

GRANT EXECUTE ON FUNCTION
  genogate_store.missing_indexes(), genogate_store.index_partition(oid), genogate_store.build_indexes(),
  genogate_store.drop_indexes_if_empty(), genogate_store.analyze_table(text)
TO genogate_app;

RESET ROLE;
