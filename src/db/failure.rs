//! A driver's error turned into ours: class by SQLSTATE, words of our own. The server's message, DETAIL and CONTEXT may
//! quote cells (`invalid input syntax for type integer: "…"`), so none of them is kept. It must not know what was asked.

use std::io::ErrorKind;
use std::time::Duration;

use tokio_postgres::error::DbError;

use crate::error::{Class, Error};

/// Conditions worth a name (PostgreSQL, appendix A) and what to do about them.
const CONDITIONS: &[(&str, &str, Option<&str>)] = &[
    (
        "08P01",
        "protocol_violation",
        Some("a pooler between must let startup options through, or ignore them (PgBouncer: ignore_startup_parameters)"),
    ),
    ("22001", "string_data_right_truncation", None),
    ("22003", "numeric_value_out_of_range", None),
    ("22007", "invalid_datetime_format", None),
    ("22012", "division_by_zero", None),
    ("22021", "character_not_in_repertoire", None),
    ("22P02", "invalid_text_representation", None),
    ("22P03", "invalid_binary_representation", None),
    ("22P04", "bad_copy_file_format", None),
    ("22P05", "untranslatable_character", None),
    ("23502", "not_null_violation", None),
    ("23503", "foreign_key_violation", None),
    ("23505", "unique_violation", None),
    ("23514", "check_violation", None),
    ("25006", "read_only_sql_transaction", None),
    ("25P02", "in_failed_sql_transaction", None),
    ("25P03", "idle_in_transaction_session_timeout", None),
    ("25P04", "transaction_timeout", None),
    ("28000", "invalid_authorization_specification", None),
    ("28P01", "invalid_password", None),
    ("3D000", "invalid_catalog_name", Some("make the database first, or name another")),
    ("3F000", "invalid_schema_name", Some("run: genogate init-db")),
    ("40001", "serialization_failure", None),
    ("40P01", "deadlock_detected", None),
    ("42501", "insufficient_privilege", None),
    ("42601", "syntax_error", None),
    ("42703", "undefined_column", None),
    ("42704", "undefined_object", None),
    ("42883", "undefined_function", None),
    ("42P01", "undefined_table", Some("run: genogate init-db")),
    ("53100", "disk_full", Some("free space where the database keeps its data, then run the same command again")),
    ("53200", "out_of_memory", None),
    ("53300", "too_many_connections", Some("lower the sink's `writers`, or raise max_connections")),
    ("54000", "program_limit_exceeded", None),
    ("55006", "object_in_use", None),
    ("55P03", "lock_not_available", None),
    ("57014", "query_canceled", None),
    ("57P01", "admin_shutdown", None),
    ("57P02", "crash_shutdown", None),
    ("57P03", "cannot_connect_now", None),
    ("57P05", "idle_session_timeout", None),
    ("58030", "io_error", None),
    ("XX000", "internal_error", None),
    ("XX001", "data_corrupted", None),
    ("XX002", "index_corrupted", None),
];

/// Schemas whose names, and those of the tables and constraints in them, are ours to print.
const OURS: [&str; 7] = ["genogate", "genogate_store", "genogate_meta", "phi_vault", "audit", "access", "lifecycle"];

/// Turns a driver's error into ours: class by SQLSTATE, message without the server's text, retry hint. `doing` says what
/// failed ("writing variants").
///
/// A SQLSTATE `GGn…` is raised by genogate's own functions: `n` is the exit code of the class it belongs to, and the
/// message, which must not quote values, is kept.
pub fn failure(doing: &str, error: tokio_postgres::Error) -> Error {
    let ours = failure_of(doing, &error);
    match error.as_db_error() {
        Some(_) => ours,
        // The driver's own errors, and those of TLS and of the network, quote no value.
        None => ours.with_source(error),
    }
}

/// What is kept of a server's refusal: nothing that could quote a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    code: String,
    routine: Option<String>,
}

impl Refusal {
    fn of(refused: &DbError) -> Self {
        Self { code: refused.code().code().to_owned(), routine: refused.routine().map(str::to_owned) }
    }

    /// The refusal below `error`, when a server made one.
    pub fn below(error: &Error) -> Option<&Self> {
        std::error::Error::source(error)?.downcast_ref()
    }

    /// Did the server turn a client away before it asked who that is (no rule in pg_hba.conf, or one that rejects)? A failed login has
    /// the same SQLSTATE, 28000, under some methods, but is told elsewhere in the server.
    pub fn is_before_login(&self) -> bool {
        self.code == "28000" && self.routine.as_deref() == Some("ClientAuthentication")
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "the server said {}", self.code)
    }
}

impl std::error::Error for Refusal {}

/// Was a server's certificate refused because no trusted authority signed it?
pub fn is_strange_authority(error: &Error) -> bool {
    use rustls::{CertificateError as Bad, Error as Tls};
    let below = std::error::Error::source(error).and_then(|error| error.downcast_ref::<tokio_postgres::Error>());
    below.and_then(cause::<Tls>).is_some_and(|error| matches!(error, Tls::InvalidCertificate(Bad::UnknownIssuer)))
}

/// [`failure`] for an error that somebody else owns.
pub fn failure_of(doing: &str, error: &tokio_postgres::Error) -> Error {
    if let Some(refused) = error.as_db_error() {
        return of_server(doing, refused);
    }
    if let Some(tls) = cause::<rustls::Error>(error) {
        return Error::database(format!("{doing}: the server does not prove who it is: {}", tls_words(tls)));
    }
    if let Some(io) = cause::<std::io::Error>(error) {
        let words = match io.kind() {
            ErrorKind::ConnectionRefused => "nothing listens there".to_owned(),
            ErrorKind::NotFound => "there is no socket".to_owned(),
            ErrorKind::TimedOut => "no answer in time".to_owned(),
            ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe => {
                "the server closed the connection".to_owned()
            }
            // The standard library's word for a name that does not resolve has no kind of its own.
            ErrorKind::Other | ErrorKind::InvalidInput => "the host name does not resolve, or is none".to_owned(),
            kind if kind.to_string().starts_with("uncategorized") => "the host name does not resolve".to_owned(),
            kind => kind.to_string(),
        };
        return Error::database(format!("{doing}: {words}")).transient();
    }
    if error.is_closed() {
        return Error::database(format!("{doing}: the connection was lost")).transient();
    }
    // What remains is the driver's own short list of kinds, which quote nothing.
    match error.to_string().as_str() {
        "timeout waiting for server" => Error::database(format!("{doing}: no answer in time")).transient(),
        "error connecting to server" => Error::database(format!("{doing}: the server cannot be reached")).transient(),
        "error performing TLS handshake" => Error::database(format!("{doing}: the server offers no TLS")),
        "authentication error" => Error::database(format!("{doing}: server and client agree on no safe way to log in")),
        "invalid configuration" | "invalid connection string" => {
            Error::usage(format!("{doing}: the connection's settings are not usable"))
        }
        kind => Error::internal(format!("{doing}: {kind}")),
    }
}

/// Was it the TLS handshake that failed?
pub(super) fn is_tls(error: &tokio_postgres::Error) -> bool {
    cause::<rustls::Error>(error).is_some() || error.to_string() == "error performing TLS handshake"
}

fn of_server(doing: &str, refused: &DbError) -> Error {
    let code = refused.code().code();
    if let Some(class) = own_class(code) {
        return Error::new(class, format!("{doing}: {}", refused.message()))
            .with_sqlstate(code)
            .with_source(Refusal::of(refused));
    }
    let (name, hint) =
        CONDITIONS.iter().find(|(known, _, _)| *known == code).map_or((None, None), |(_, name, hint)| (Some(*name), *hint));
    let (class, later) = class_of(code);
    let mut message = match class {
        Class::Denied if code.starts_with("28") => format!("{doing}: the database refused the login"),
        Class::Denied => format!("{doing}: the database does not permit it"),
        _ => format!("{doing}: the database reported an error"),
    };
    message.push_str(&match name {
        Some(name) => format!(" ({code} {name})"),
        None => format!(" ({code})"),
    });
    if let Some(schema) = refused.schema().filter(|schema| OURS.contains(schema)) {
        let place = [Some(schema), refused.table(), refused.column(), refused.constraint()];
        message.push_str(&format!(" at {}", place.into_iter().flatten().collect::<Vec<_>>().join(".")));
    }
    let mut error = Error::new(class, message).with_sqlstate(code).with_source(Refusal::of(refused));
    if let Some(hint) = hint {
        error = error.with_hint(hint);
    }
    if later == Later::No { error } else { error.transient() }
}

/// Whether the same thing may succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Later {
    No,
    Yes,
    /// As soon as the server has a connection free, or has started: waited for by whoever connects, [`CROWDED`] at most.
    Soon,
}

/// How long a server that is full, starting or stopping is waited for, unless somebody is more patient.
pub(super) const CROWDED: Duration = Duration::from_secs(60);

/// Is it a server that is full, starting or stopping?
pub(super) fn is_crowded(error: &Error) -> bool {
    error.sqlstate().is_some_and(|code| class_of(code).1 == Later::Soon)
}

/// Class of a SQLSTATE, and whether waiting helps.
fn class_of(code: &str) -> (Class, Later) {
    match code {
        "42501" => (Class::Denied, Later::No),
        "40001" | "40P01" | "55P03" => (Class::Failed, Later::Yes),
        "53300" | "57P03" => (Class::Database, Later::Soon),
        "25P03" | "25P04" | "57P01" | "57P02" | "57P05" => (Class::Database, Later::Yes),
        "08P01" | "57P04" | "3D000" => (Class::Database, Later::No),
        "XX001" | "XX002" => (Class::Integrity, Later::No),
        _ if code.starts_with("28") => (Class::Denied, Later::No),
        _ if code.starts_with("08") => (Class::Database, Later::Yes),
        _ => (Class::Failed, Later::No),
    }
}

fn own_class(code: &str) -> Option<Class> {
    match code.strip_prefix("GG")?.chars().next()? {
        '1' => Some(Class::Failed),
        '2' => Some(Class::Usage),
        '3' => Some(Class::Phi),
        '4' => Some(Class::Integrity),
        '5' => Some(Class::Denied),
        '6' => Some(Class::Input),
        _ => None,
    }
}

/// The first error of type `E` below `error`, also inside an I/O error, whose `source` skips its own payload.
fn cause<E: std::error::Error + 'static>(error: &tokio_postgres::Error) -> Option<&E> {
    let mut next = std::error::Error::source(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = match error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn tls_words(error: &rustls::Error) -> &'static str {
    use rustls::CertificateError as Bad;
    match error {
        rustls::Error::InvalidCertificate(bad) => match bad {
            Bad::UnknownIssuer | Bad::BadSignature => "an authority that is not trusted signed its certificate",
            Bad::NotValidForName | Bad::NotValidForNameContext { .. } => "its certificate is for another host name",
            Bad::Expired | Bad::ExpiredContext { .. } => "its certificate has expired",
            Bad::NotValidYet | Bad::NotValidYetContext { .. } => "its certificate is not valid yet",
            Bad::Revoked => "its certificate was revoked",
            _ => "its certificate is not acceptable",
        },
        rustls::Error::PeerIncompatible(_) => "it offers no TLS 1.2 or newer that genogate speaks",
        rustls::Error::AlertReceived(_) => "it refused the TLS handshake",
        _ => "the TLS handshake failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sqlstate_has_one_class() {
        for (code, class, later) in [
            ("28P01", Class::Denied, Later::No),
            ("28000", Class::Denied, Later::No),
            ("42501", Class::Denied, Later::No),
            ("53300", Class::Database, Later::Soon),
            ("08006", Class::Database, Later::Yes),
            ("08P01", Class::Database, Later::No),
            ("25P03", Class::Database, Later::Yes),
            ("57P01", Class::Database, Later::Yes),
            ("57P02", Class::Database, Later::Yes),
            ("57P03", Class::Database, Later::Soon),
            ("57P05", Class::Database, Later::Yes),
            ("57014", Class::Failed, Later::No),
            ("40001", Class::Failed, Later::Yes),
            ("40P01", Class::Failed, Later::Yes),
            ("53100", Class::Failed, Later::No),
            ("23505", Class::Failed, Later::No),
        ] {
            assert_eq!(class_of(code), (class, later), "{code}");
        }
        assert_eq!(own_class("GG401"), Some(Class::Integrity));
        assert_eq!(own_class("GG901"), None);
        assert_eq!(own_class("42501"), None);
    }

    #[test]
    fn conditions_are_sorted_so_that_none_stands_twice() {
        assert!(CONDITIONS.windows(2).all(|pair| pair[0].0 < pair[1].0));
    }
}
