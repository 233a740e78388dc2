-- Who carries a variant: variants joined to the calls with an alternate allele. Joining the two views by hand reads a whole
-- partition of calls, as nothing crosses a security barrier on its way; here the join is inside of it.
SET LOCAL ROLE genogate_owner;

CREATE VIEW genogate.carriers WITH (security_barrier) AS
  SELECT v.load_id, v.variant_id, v.contig, v.pos, v.end_pos, v.ref, v.alt, v.alt_index, v.ids, v.filters, c.input, c.sample_index,
         s.sample_id, c.gt, genogate.alleles(c.gt) AS alleles
  FROM genogate_store.variants v
  JOIN genogate_store.calls c ON c.contig = v.contig AND c.variant_id = v.variant_id
  LEFT JOIN genogate_store.samples s
    ON s.load_id = c.load_id AND s.input = c.input AND s.sample_index = c.sample_index
  WHERE c.gt ~ '[1-9]'
    AND EXISTS (SELECT FROM genogate_store.loads l WHERE l.load_id = v.load_id AND l.status = 'complete');

REVOKE ALL ON genogate.carriers FROM PUBLIC;
GRANT SELECT ON genogate.carriers TO genogate_app;

RESET ROLE;
