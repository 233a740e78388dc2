#!/bin/sh
# Makes what db and genogate trust each other by, unless it is there: a folder for the server, one for the administrator who
# migrates, one for the application. 999 is the user of the postgres image, 1000 genogate's.
set -eu
[ -e /app/pgpass ] && exit 0
umask 077
cd /server
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -keyout ca.key -out ca.crt -subj "/CN=genogate" \
    -addext basicConstraints=critical,CA:TRUE
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr -subj "/CN=db"
printf 'subjectAltName=DNS:db\nbasicConstraints=CA:FALSE\n' >extensions
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 -extfile extensions -out server.crt
rm -f ca.key ca.srl server.csr extensions
openssl rand -hex 24 | tr -d '\n' >admin.password
openssl rand -hex 24 | tr -d '\n' >app.password
for role in admin:postgres app:genogate_app; do
    folder=/${role%%:*}
    cp ca.crt "$folder/ca.crt"
    printf 'db:5432:genogate:%s:%s\n' "${role#*:}" "$(cat "/server/${role%%:*}.password")" >"$folder/draft"
    chown 1000:1000 "$folder/draft"
    chmod 644 "$folder/ca.crt"
    chmod 755 "$folder"
    mv "$folder/draft" "$folder/pgpass"
done
chown 999:999 server.key admin.password app.password
chmod 644 ca.crt server.crt
chmod 755 .
