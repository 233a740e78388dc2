//! The texts of the server's configuration files. It must not know where they are written.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use crate::db::roles::{ADMINISTRATOR, APPLICATION};

/// `postgresql.conf`: loads in bulk, and keeps values out of its log. Lines that matter for privacy:
/// `log_min_messages = log` leaves out errors, whose primary message may quote a cell; terse leaves out DETAIL, CONTEXT and
/// the statement; no statement and no parameter is ever logged.
pub(super) fn server(conf: &Path, data: &Path, socket: &Path, port: u16) -> String {
    let file = |name: &str| quote(conf.join(name).as_os_str());
    format!(
        "# Written by genogate at every start; changes are lost. To tune a server yourself, name it under `databases:`.
data_directory = {data}
hba_file = {hba}
ident_file = {ident}

listen_addresses = '127.0.0.1'
port = {port}
unix_socket_directories = {socket}
unix_socket_permissions = 0700
max_connections = 100
password_encryption = 'scram-sha-256'
ssl = on
ssl_cert_file = {certificate}
ssl_key_file = {key}
ssl_min_protocol_version = 'TLSv1.2'
ssl_ciphers = 'HIGH:!aNULL'

shared_buffers = '256MB'
work_mem = '32MB'
maintenance_work_mem = '256MB'
dynamic_shared_memory_type = {shared_memory}
jit = off

# Nobody replicates from here, so a table filled in the transaction that made it, and every large index, skips the log. What
# does not is logged as it is: compressing it (pglz) costs more than writing it.
wal_level = 'minimal'
max_wal_senders = 0
wal_compression = off
max_wal_size = '4GB'
checkpoint_timeout = '15min'

logging_collector = off
log_destination = 'stderr'
log_min_messages = 'log'
log_min_error_statement = 'panic'
log_error_verbosity = 'terse'
log_statement = 'none'
log_duration = off
log_min_duration_statement = -1
log_parameter_max_length = 0
log_parameter_max_length_on_error = 0
log_checkpoints = off
log_connections = off
log_line_prefix = '%m [%p] '
log_timezone = 'UTC'
timezone = 'UTC'
datestyle = 'iso, ymd'
lc_messages = 'C'
default_text_search_config = 'pg_catalog.simple'
",
        data = quote(data.as_os_str()),
        hba = file("pg_hba.conf"),
        ident = file("pg_ident.conf"),
        socket = quote_path_list(socket),
        certificate = file("server.crt"),
        key = file("server.key"),
        shared_memory = shared_memory(),
    )
}

/// `pg_hba.conf`: the superuser over the private socket, the application over TLS with SCRAM; nobody else, nothing else.
pub(super) fn access() -> String {
    format!(
        "# Written by genogate at every start.
# TYPE   DATABASE  USER            ADDRESS        METHOD
local    all       {ADMINISTRATOR}                 peer map=genogate
hostssl  all       {APPLICATION}    127.0.0.1/32   scram-sha-256
"
    )
}

/// `pg_ident.conf`: operating system users who are the superuser.
pub(super) fn identities(users: &[&str]) -> String {
    users.iter().fold("# Written by genogate at every start.\n".to_owned(), |text, user| {
        text + &format!("genogate  \"{}\"  {ADMINISTRATOR}\n", user.replace('"', "\"\""))
    })
}

/// Containers often have 64 MiB of POSIX shared memory, too little for a parallel index build.
fn shared_memory() -> &'static str {
    match nix::sys::statvfs::statvfs("/dev/shm") {
        Ok(about) if u128::from(about.fragment_size()) * u128::from(about.blocks()) >= 1 << 30 => "posix",
        _ if cfg!(target_os = "linux") => "mmap",
        _ => "posix",
    }
}

/// A configuration string: quotes are doubled, backslashes too.
fn quote(text: &OsStr) -> String {
    format!("'{}'", text.to_string_lossy().replace('\\', "\\\\").replace('\'', "''"))
}

/// A list of one path: within it a comma would separate, so the path stands in double quotes.
fn quote_path_list(path: &Path) -> String {
    let item = format!("\"{}\"", path.to_string_lossy().replace('"', "\"\""));
    quote(OsStr::new(&item))
}

/// Percent-encodes what may not stand in a URL's query (RFC 3986, section 3.4); slashes stay readable.
pub(super) fn percent(text: &OsStr) -> String {
    text.as_bytes().iter().fold(String::new(), |mut url, byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => url.push(char::from(*byte)),
            other => url.push_str(&format!("%{other:02X}")),
        }
        url
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_paths_are_quoted() {
        assert_eq!(quote(OsStr::new(r"/a'b\c")), r"'/a''b\\c'");
        assert_eq!(quote_path_list(Path::new("/a,b")), "'\"/a,b\"'");
        assert_eq!(percent(OsStr::new("/a b&c/ca.crt")), "/a%20b%26c/ca.crt");
    }

    #[test]
    fn only_two_kinds_of_session_are_let_in() {
        let rules = access();
        let rules: Vec<&str> = rules.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(rules.len(), 2);
        assert!(rules[0].starts_with("local") && rules[0].contains("genogate_admin") && rules[0].contains("peer"));
        assert!(rules[1].starts_with("hostssl") && rules[1].contains("genogate_app") && rules[1].ends_with("scram-sha-256"));
    }
}
