-- Tags: what the caller says about each input, in words that are no identifiers.
SET LOCAL ROLE genogate_owner;

ALTER TABLE genogate_store.inputs ADD COLUMN tags jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(tags) = 'object');

-- Tags the inputs of a load in progress; the array has an object for each. A load that goes on takes those of its last run.
CREATE FUNCTION genogate_store.tag_inputs(p_load uuid, p_tags jsonb) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  UPDATE genogate_store.inputs i SET tags = t.value
    FROM jsonb_array_elements(p_tags) WITH ORDINALITY t, genogate_store.loads l
    WHERE l.load_id = p_load AND l.status = 'started' AND i.load_id = p_load AND i.input = t.ordinality AND i.tags <> t.value
$$;

-- The tags of each input of a load.
CREATE FUNCTION genogate_store.input_tags(p_load uuid, OUT o_input integer, OUT o_tags jsonb) RETURNS SETOF record
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog, genogate_store, pg_temp AS $$
  SELECT input, tags FROM genogate_store.inputs WHERE load_id = p_load
$$;

REVOKE ALL ON FUNCTION genogate_store.tag_inputs(uuid, jsonb), genogate_store.input_tags(uuid) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION genogate_store.tag_inputs(uuid, jsonb) TO genogate_app;
GRANT EXECUTE ON FUNCTION genogate_store.input_tags(uuid) TO genogate_app;

RESET ROLE;
