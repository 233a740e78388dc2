-- The tags of a sample's input beside it, for conditions.
SET LOCAL ROLE genogate_owner;

CREATE OR REPLACE VIEW genogate.samples WITH (security_barrier) AS
  SELECT s.load_id, s.input, s.sample_index, s.sample_id,
         (SELECT i.tags FROM genogate_store.inputs i WHERE i.load_id = s.load_id AND i.input = s.input) AS tags
  FROM genogate_store.samples s
  WHERE EXISTS (SELECT FROM genogate_store.loads l WHERE l.load_id = s.load_id AND l.status = 'complete');

RESET ROLE;
