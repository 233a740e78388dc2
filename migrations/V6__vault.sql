-- The vault: which pseudonym stands for which sample, and the keys of data. A name is stored only encrypted (AES-256-GCM, the
-- application's key, associated data `phi_vault.samples|<pseudonym>`) and is found again by a keyed blind index, so this table
-- alone, its backups and its WAL name nobody. The application reaches it through functions, never by SELECT.
SET LOCAL ROLE genogate_owner;

CREATE SCHEMA phi_vault;

CREATE TABLE phi_vault.samples (
  pseudonym    text PRIMARY KEY,
  blind_index  bytea NOT NULL CHECK (pg_catalog.octet_length(blind_index) = 32),
  ciphertext   bytea NOT NULL CHECK (pg_catalog.octet_length(ciphertext) > 29),
  key_id       text NOT NULL,
  created_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
  UNIQUE (key_id, blind_index)
);
COMMENT ON TABLE phi_vault.samples IS 'pseudonym of each sample; the name only encrypted';

-- Keys of data, each wrapped by a key outside of the database: what is encrypted under one is gone when its row has lost
-- wrapped_key. A key belongs to a load, or to a sample, whatever load it is in.
CREATE TABLE phi_vault.data_keys (
  id           uuid PRIMARY KEY,
  scope        text NOT NULL CHECK (scope IN ('load', 'sample')),
  load_id      uuid REFERENCES genogate_store.loads,
  pseudonym    text REFERENCES phi_vault.samples,
  -- The key that wraps this one. Null together with wrapped_key, once that is destroyed.
  key_id       text,
  wrapped_key  bytea CHECK (pg_catalog.octet_length(wrapped_key) > 28),
  created_at   timestamptz NOT NULL DEFAULT pg_catalog.now(),
  destroyed_at timestamptz,
  CHECK ((scope = 'load') = (load_id IS NOT NULL) AND (scope = 'sample') = (pseudonym IS NOT NULL)),
  CHECK ((destroyed_at IS NULL) = (wrapped_key IS NOT NULL) AND (key_id IS NULL) = (wrapped_key IS NULL))
);
CREATE UNIQUE INDEX data_keys_load ON phi_vault.data_keys (load_id) WHERE destroyed_at IS NULL AND load_id IS NOT NULL;
CREATE UNIQUE INDEX data_keys_sample ON phi_vault.data_keys (pseudonym) WHERE destroyed_at IS NULL AND pseudonym IS NOT NULL;

-- Pseudonyms of n names, in order. blind_indexes holds one index a name and key: the n of key_ids[1], then the n of
-- key_ids[2], … key_ids[1] is the ring's primary key. A name found under any key keeps its pseudonym; the others get
-- theirs from pseudonyms and ciphertexts. The table's lock makes looking and inserting one act, also for two loads whose rings
-- differ by a rotation; it is held until the caller's transaction ends.
CREATE FUNCTION phi_vault.resolve(key_ids text[], blind_indexes bytea[], pseudonyms text[], ciphertexts bytea[])
RETURNS TABLE (pseudonym text, fresh boolean)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
#variable_conflict use_column
DECLARE
  n constant integer := cardinality(pseudonyms);
BEGIN
  PERFORM access.require('vault:resolve');
  IF n IS NULL OR cardinality(ciphertexts) <> n OR cardinality(key_ids) < 1 OR cardinality(blind_indexes) <> n * cardinality(key_ids) THEN
    RAISE EXCEPTION 'the lists differ in length' USING ERRCODE = 'array_subscript_error';
  END IF;
  LOCK TABLE phi_vault.samples IN SHARE ROW EXCLUSIVE MODE;
  INSERT INTO phi_vault.samples AS s (pseudonym, blind_index, ciphertext, key_id)
    SELECT pseudonyms[i], blind_indexes[i], ciphertexts[i], key_ids[1]
    FROM generate_series(1, n) AS i
    WHERE NOT EXISTS (
      SELECT FROM unnest(key_ids) WITH ORDINALITY AS k (id, place)
      JOIN phi_vault.samples AS old ON old.key_id = k.id AND old.blind_index = blind_indexes[(k.place - 1) * n + i])
  ON CONFLICT (key_id, blind_index) DO NOTHING;
  RETURN QUERY
    SELECT found.pseudonym, found.pseudonym = pseudonyms[i]
    FROM generate_series(1, n) AS i
    CROSS JOIN LATERAL (
      SELECT s.pseudonym FROM unnest(key_ids) WITH ORDINALITY AS k (id, place)
      JOIN phi_vault.samples AS s ON s.key_id = k.id AND s.blind_index = blind_indexes[(k.place - 1) * n + i]
      ORDER BY s.created_at, s.pseudonym LIMIT 1) AS found
    ORDER BY i;
END
$$;

GRANT USAGE ON SCHEMA phi_vault TO genogate_app;
GRANT EXECUTE ON FUNCTION phi_vault.resolve(text[], bytea[], text[], bytea[]) TO genogate_app;

RESET ROLE;
