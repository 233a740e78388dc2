#!/bin/sh
# Makes what db and genogate trust each other by, unless it is there. 999 is the user of the postgres image, 1000 genogate's.
set -eu
cd /trust
[ -e pgpass ] && exit 0
umask 077
password=$(openssl rand -hex 24)
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650 -keyout ca.key -out ca.crt -subj "/CN=genogate" \
    -addext basicConstraints=critical,CA:TRUE
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout server.key -out server.csr -subj "/CN=db"
printf 'subjectAltName=DNS:db\nbasicConstraints=CA:FALSE\n' >extensions
openssl x509 -req -in server.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 825 -extfile extensions -out server.crt
printf %s "$password" >password
printf 'db:5432:*:postgres:%s\n' "$password" >pgpass
rm -f ca.key server.csr extensions
chown 999:999 server.key password
chown 1000:1000 pgpass
chmod 644 ca.crt server.crt
chmod 755 .
