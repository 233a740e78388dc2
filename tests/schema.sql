-- Everything the migrations make, one line each: what tests/schema.txt holds. Another server's version, locale or compression makes
-- no difference.
WITH ours AS (
  SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspowner = 'genogate_owner'::regrole
), relations AS (
  SELECT c.*, o.nspname || '.' || c.relname AS name FROM pg_class c JOIN ours o ON o.oid = c.relnamespace
), rights (object, acl) AS (
  SELECT 'schema ' || nspname, nspacl FROM ours
  UNION ALL SELECT CASE relkind WHEN 'S' THEN 'sequence ' ELSE 'table ' END || name, relacl FROM relations WHERE relkind IN ('r', 'p', 'v', 'S')
), lines (line) AS (
  SELECT format('role %s login=%s superuser=%s inherit=%s createrole=%s createdb=%s bypassrls=%s', rolname, rolcanlogin, rolsuper,
                rolinherit, rolcreaterole, rolcreatedb, rolbypassrls)
    FROM pg_roles WHERE rolname IN ('genogate_owner', 'genogate_app')
  UNION ALL SELECT format('member %s of %s', m.member::regrole, m.roleid::regrole) FROM pg_auth_members m
    WHERE m.member::regrole::text IN ('genogate_owner', 'genogate_app') AND m.roleid::regrole::text ~ '^genogate'
  UNION ALL SELECT format('default privileges of %s on %s: %s', defaclrole::regrole,
                          CASE defaclobjtype WHEN 'f' THEN 'functions' ELSE defaclobjtype::text END, defaclacl)
    FROM pg_default_acl WHERE defaclnamespace = 0
  UNION ALL SELECT 'schema ' || nspname FROM ours
  UNION ALL SELECT format('grant %s to %s on %s', a.privilege_type, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, r.object)
    FROM rights r, aclexplode(r.acl) a WHERE a.grantee <> 'genogate_owner'::regrole
  UNION ALL SELECT format('grant EXECUTE to %s on function %s.%s', CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE a.grantee::regrole::text END, o.nspname, p.proname)
    FROM pg_proc p JOIN ours o ON o.oid = p.pronamespace, aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
    WHERE a.grantee <> 'genogate_owner'::regrole
  UNION ALL SELECT format('owner %s of %s', relowner::regrole, name) FROM relations WHERE relowner <> 'genogate_owner'::regrole
  UNION ALL SELECT format('sequence %s %s from %s to %s', r.name, s.seqtypid::regtype, s.seqmin, s.seqmax)
    FROM relations r JOIN pg_sequence s ON s.seqrelid = r.oid
  UNION ALL SELECT format('table %s%s%s', name, CASE relpersistence WHEN 'u' THEN ' unlogged' END, ' partition by ' || pg_get_partkeydef(oid))
    FROM relations WHERE relkind IN ('r', 'p') AND NOT relispartition
  UNION ALL SELECT format('view %s (%s) as %s', name, array_to_string(reloptions, ','), regexp_replace(pg_get_viewdef(oid), '\s+', ' ', 'g'))
    FROM relations WHERE relkind = 'v'
  UNION ALL SELECT format('column %s.%s %s%s%s%s', r.name, a.attname, format_type(a.atttypid, a.atttypmod),
                          CASE WHEN a.attnotnull THEN ' not null' END, ' default ' || pg_get_expr(d.adbin, d.adrelid),
                          CASE WHEN a.attstattarget > 0 THEN ' statistics ' || a.attstattarget END)
    FROM relations r JOIN pg_attribute a ON a.attrelid = r.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_attrdef d ON d.adrelid = r.oid AND d.adnum = a.attnum
    WHERE r.relkind IN ('r', 'p', 'v') AND NOT r.relispartition
  -- Their columns, constraints and indexes are their parents'.
  UNION ALL SELECT format('partition %s %s', r.name, pg_get_expr(r.relpartbound, r.oid))
    FROM relations r WHERE r.relkind = 'r' AND r.relispartition AND r.name ~ '^genogate_store'
  UNION ALL SELECT format('constraint %s on %s: %s', k.conname, r.name, pg_get_constraintdef(k.oid))
    FROM relations r JOIN pg_constraint k ON k.conrelid = r.oid WHERE NOT r.relispartition AND k.contype IN ('c', 'f', 'p', 'u', 'x')
  UNION ALL SELECT 'index ' || pg_get_indexdef(x.indexrelid)
    FROM relations r JOIN pg_index x ON x.indrelid = r.oid WHERE NOT r.relispartition
  UNION ALL SELECT 'trigger ' || pg_get_triggerdef(t.oid)
    FROM relations r JOIN pg_trigger t ON t.tgrelid = r.oid WHERE NOT t.tgisinternal AND (NOT r.relispartition OR r.name ~ '^genogate_store')
  UNION ALL SELECT format('function %s.%s(%s) returns %s %s %s %s%s %s', o.nspname, p.proname, pg_get_function_identity_arguments(p.oid),
                          pg_get_function_result(p.oid), l.lanname,
                          CASE p.provolatile WHEN 'i' THEN 'immutable' WHEN 's' THEN 'stable' ELSE 'volatile' END,
                          CASE WHEN p.prosecdef THEN 'security definer' ELSE 'security invoker' END,
                          ' set ' || array_to_string(p.proconfig, ' set '),
                          left(encode(sha256(convert_to(p.prosrc || coalesce(pg_get_function_sqlbody(p.oid), ''), 'UTF8')), 'hex'), 16))
    FROM pg_proc p JOIN ours o ON o.oid = p.pronamespace JOIN pg_language l ON l.oid = p.prolang
)
SELECT line FROM lines ORDER BY line COLLATE "C"
