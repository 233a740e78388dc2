-- Roles. A role belongs to the whole server, so it may be there already: made by an administrator, or by a sister database.
--
-- genogate_owner  owns every schema, table and function; nobody logs in as it.
-- genogate_app    the application. It owns nothing; later migrations grant it single privileges.
--
-- A later migration begins with SET LOCAL ROLE genogate_owner and ends with RESET ROLE, so that all it makes has that owner.
DO $$
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'genogate_owner') THEN
    CREATE ROLE genogate_owner NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  END IF;
  -- Without a password SCRAM lets nobody in: the administrator (or the managed cluster) sets it.
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'genogate_app') THEN
    CREATE ROLE genogate_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS;
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'genogate_owner' AND (rolcanlogin OR rolsuper)) THEN
    RAISE EXCEPTION 'the role genogate_owner must be NOLOGIN and no superuser' USING ERRCODE = 'invalid_role_specification';
  END IF;
  IF EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'genogate_app' AND (rolsuper OR rolbypassrls OR rolcreaterole)) THEN
    RAISE EXCEPTION 'the role genogate_app must have no power over roles' USING ERRCODE = 'invalid_role_specification';
  END IF;
  IF pg_catalog.pg_has_role('genogate_app', 'genogate_owner', 'MEMBER') THEN
    RAISE EXCEPTION 'the role genogate_app must not be a member of genogate_owner' USING ERRCODE = 'invalid_role_specification';
  END IF;
  -- An administrator who is no superuser must be able to act as the owner.
  IF NOT pg_catalog.pg_has_role(current_user, 'genogate_owner', 'MEMBER') THEN
    EXECUTE pg_catalog.format('GRANT genogate_owner TO %I', current_user);
  END IF;
  EXECUTE pg_catalog.format('GRANT CONNECT, CREATE ON DATABASE %I TO genogate_owner', pg_catalog.current_database());
  EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO genogate_app', pg_catalog.current_database());
END
$$;

-- The trail of migrations themselves may be read by nobody but its owner and superusers.
REVOKE ALL ON SCHEMA genogate_meta FROM PUBLIC;
