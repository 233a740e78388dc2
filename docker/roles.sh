#!/bin/sh
# Runs once, when the database is made: the application's role and its password. `genogate init-db` makes the rest.
set -eu
printf "CREATE ROLE genogate_app LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS PASSWORD '%s';\n" "$(cat /server/app.password)" |
    psql --set ON_ERROR_STOP=1 --quiet --username "$POSTGRES_USER" --dbname "$POSTGRES_DB"
