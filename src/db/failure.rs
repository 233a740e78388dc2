//! A driver's error turned into ours: class by SQLSTATE, words of our own. The server's message, DETAIL and CONTEXT may
//! quote cells (`invalid input syntax for type integer: "…"`), so none of them is kept. It must not know what was asked.

use std::io::ErrorKind;

use tokio_postgres::error::DbError;

use crate::error::{Class, Error};

/// Conditions worth a name (PostgreSQL, appendix A) and what to do about them.
const CONDITIONS: &[(&str, &str, Option<&str>)] = &[
    ("08P01", "protocol_violation", None),
    ("22001", "string_data_right_truncation", None),
    ("22003", "numeric_value_out_of_range", None),
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
    describe(doing, &error)
}

/// [`failure`] for an error that somebody else owns.
pub(super) fn describe(doing: &str, error: &tokio_postgres::Error) -> Error {
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
        return Error::new(class, format!("{doing}: {}", refused.message())).with_sqlstate(code);
    }
    let (name, hint) =
        CONDITIONS.iter().find(|(known, _, _)| *known == code).map_or((None, None), |(_, name, hint)| (Some(*name), *hint));
    let (class, transient) = class_of(code);
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
    let mut error = Error::new(class, message).with_sqlstate(code);
    if let Some(hint) = hint {
        error = error.with_hint(hint);
    }
    if transient { error.transient() } else { error }
}

/// Class of a SQLSTATE, and whether the same statement may succeed later.
fn class_of(code: &str) -> (Class, bool) {
    match code {
        "42501" => (Class::Denied, false),
        "40001" | "40P01" | "55P03" => (Class::Failed, true),
        "25P03" | "53300" | "57P01" | "57P02" | "57P03" | "57P05" => (Class::Database, true),
        "08P01" | "57P04" | "3D000" => (Class::Database, false),
        "XX001" | "XX002" => (Class::Integrity, false),
        _ if code.starts_with("28") => (Class::Denied, false),
        _ if code.starts_with("08") => (Class::Database, true),
        _ => (Class::Failed, false),
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
        for (code, class, transient) in [
            ("28P01", Class::Denied, false),
            ("28000", Class::Denied, false),
            ("42501", Class::Denied, false),
            ("53300", Class::Database, true),
            ("08006", Class::Database, true),
            ("08P01", Class::Database, false),
            ("25P03", Class::Database, true),
            ("57P01", Class::Database, true),
            ("57P02", Class::Database, true),
            ("57P03", Class::Database, true),
            ("57P05", Class::Database, true),
            ("57014", Class::Failed, false),
            ("40001", Class::Failed, true),
            ("40P01", Class::Failed, true),
            ("53100", Class::Failed, false),
            ("23505", Class::Failed, false),
        ] {
            assert_eq!(class_of(code), (class, transient), "{code}");
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
