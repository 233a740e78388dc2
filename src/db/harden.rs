//! Takes functions of PostgreSQL from everybody that nobody needs who only asks for rows, where the administrator may (a superuser's
//! REVOKE holds in one database). It must not know who calls them otherwise: `query` refuses them everywhere.

use tokio_postgres::Client;

use super::failure::failure;
use crate::error::Result;

/// Advisory locks and the ending of sessions stay with the owner, whose functions need them; large objects with superusers.
const HARDEN: &str = "DO $$
DECLARE
  f record;
BEGIN
  IF NOT (SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user) THEN
    RETURN;
  END IF;
  FOR f IN
    SELECT p.oid::pg_catalog.regprocedure::text AS name, p.proname !~ '^lo' AS needed FROM pg_catalog.pg_proc p
    WHERE p.pronamespace = 'pg_catalog'::pg_catalog.regnamespace
      AND (p.proname ~ '^(lo_|pg_(try_)?advisory_)' OR p.proname IN ('loread', 'lowrite', 'pg_terminate_backend'))
      AND pg_catalog.has_function_privilege('public', p.oid, 'EXECUTE')
  LOOP
    EXECUTE pg_catalog.format('REVOKE EXECUTE ON FUNCTION %s FROM PUBLIC', f.name);
    IF f.needed THEN
      EXECUTE pg_catalog.format('GRANT EXECUTE ON FUNCTION %s TO genogate_owner', f.name);
    END IF;
  END LOOP;
END
$$";

/// Does so in a migrated database. Done again, it changes nothing; without a superuser's rights, neither.
pub async fn harden(administrator: &Client) -> Result<()> {
    administrator.batch_execute(HARDEN).await.map_err(|error| failure("taking functions from everybody", error))
}
