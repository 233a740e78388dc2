-- Roles, default privileges, and the check with which every function of ours begins.
--
-- genogate_owner  owns every schema, table and function; nobody logs in as it.
-- genogate_app    the application. It owns nothing; every other migration grants it single privileges.
--
-- A role belongs to the whole server, so it may be there already: made by an administrator, or by a sister database.
-- Every migration sets the role genogate_owner, so that all it makes has that owner.
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
  -- The owner's functions look at the application's sessions: which of them are alive.
  IF NOT pg_catalog.pg_has_role('genogate_owner', 'genogate_app', 'USAGE') THEN
    GRANT genogate_app TO genogate_owner;
  END IF;
  -- An administrator who is no superuser must be able to act as the owner. From PostgreSQL 16 on, who makes a role is its
  -- member without that.
  IF NOT pg_catalog.pg_has_role(current_user, 'genogate_owner',
    CASE WHEN pg_catalog.current_setting('server_version_num')::integer < 160000 THEN 'MEMBER' ELSE 'SET' END) THEN
    EXECUTE pg_catalog.format('GRANT genogate_owner TO %I', current_user);
  END IF;
  EXECUTE pg_catalog.format('GRANT CONNECT, CREATE ON DATABASE %I TO genogate_owner', pg_catalog.current_database());
  EXECUTE pg_catalog.format('GRANT CONNECT ON DATABASE %I TO genogate_app', pg_catalog.current_database());
END
$$;

-- The history of migrations may be read by nobody but its owner and superusers.
REVOKE ALL ON SCHEMA genogate_meta FROM PUBLIC;

SET LOCAL ROLE genogate_owner;

-- A function is born closed. With IN SCHEMA this would do nothing: default privileges of a schema only add.
ALTER DEFAULT PRIVILEGES FOR ROLE genogate_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- What people read: security-barrier views and plain functions, nothing else.
CREATE SCHEMA genogate;
GRANT USAGE ON SCHEMA genogate TO genogate_app;

-- Who may do what.
CREATE SCHEMA access;

-- Every SECURITY DEFINER function that the application may call begins with this. p_permission is a word such as loads:write;
-- the local administrator's grant, which the application's role stands for, has every permission.
CREATE FUNCTION access.require(p_permission text) RETURNS void
LANGUAGE plpgsql STABLE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
  IF session_user <> 'genogate_app' AND NOT pg_has_role(session_user, 'genogate_owner', 'MEMBER') THEN
    RAISE EXCEPTION 'this session does not have the permission %', p_permission USING ERRCODE = 'GG500';
  END IF;
END
$$;

RESET ROLE;
