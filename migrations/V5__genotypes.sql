-- Genotypes as numbers: the calls view gains alleles and phase, computed from the stored text where a query asks for them.
--
-- genogate.alleles(gt)  allele numbers in the order of GT, 0 for REF, null for a missing one.
-- genogate.phases(gt)   the sign before each allele, true for '|'; the first is the leading phase, written or implied
--                       (VCF 4.5 section 1.6.2: unphased as soon as one sign is '/').
-- Text that is no genotype, which only a file that declares GT otherwise can hold, gives null, and so does an allele of ten
-- digits or more.
SET LOCAL ROLE genogate_owner;

CREATE FUNCTION genogate.is_genotype(gt text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN gt ~ '^[/|]?([.]|[0-9]{1,9})([/|]([.]|[0-9]{1,9}))*$';

CREATE FUNCTION genogate.alleles(gt text) RETURNS integer[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN genogate.is_genotype(gt) THEN string_to_array(ltrim(translate(gt, '|', '/'), '/'), '/', '.')::integer[] END;

CREATE FUNCTION genogate.phases(gt text) RETURNS boolean[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE WHEN genogate.is_genotype(gt) THEN
  string_to_array(
    CASE WHEN gt ~ '^[/|]' THEN '' WHEN strpos(gt, '/') > 0 THEN 'f' ELSE 't' END || translate(gt, '/|.0123456789', 'ft'),
    NULL)::boolean[]
END;

-- phased: every sign is '|'.
CREATE OR REPLACE VIEW genogate.calls WITH (security_barrier) AS
  SELECT c.load_id, c.variant_id, c.contig, c.input, c.sample_index, s.sample_id, c.gt, c.format,
         genogate.alleles(c.gt) AS alleles,
         CASE WHEN genogate.is_genotype(c.gt) THEN strpos(c.gt, '/') = 0 END AS phased,
         genogate.phases(c.gt) AS phases
  FROM genogate_store.calls c
  LEFT JOIN genogate_store.samples s
    ON s.load_id = c.load_id AND s.input = c.input AND s.sample_index = c.sample_index
  WHERE EXISTS (SELECT FROM genogate_store.loads l WHERE l.load_id = c.load_id AND l.status = 'complete');

REVOKE ALL ON FUNCTION genogate.is_genotype(text), genogate.alleles(text), genogate.phases(text) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION genogate.is_genotype(text), genogate.alleles(text), genogate.phases(text) TO genogate_app;

RESET ROLE;
