//! What the server says about a statement, as far as it can be told: a message about the statement's own words, before a row was read,
//! and the SQLSTATE alone afterwards, when a message may quote cells. It must not know how rows are given.

use tokio_postgres::error::{DbError, ErrorPosition};

use crate::db;
use crate::error::{Class, Error};
use crate::text::nearest;

/// The views, for who asks for another.
const VIEWS: &str = "tables: genogate.variants, calls, carriers, samples, loads, quarantine";

const FIELDS: &str = "Fields of INFO are in the column info, those of FORMAT in format: info->>'AF'. docs/query.md has recipes.";

/// Columns of the views.
#[rustfmt::skip]
const COLUMNS: &[&str] = &[
    "alleles", "alt", "alt_index", "assembly", "chrom", "contig", "end_pos", "filters", "format", "gt", "ids", "info", "input",
    "load_id", "name", "orig_alt", "orig_pos", "orig_ref", "phased", "phases", "pos", "qual", "ref", "sample_id", "sample_index",
    "status", "tags", "variant_id",
];

/// A refusal of the statement itself, which was read and not run. Of what class 42 says (syntax, names, types; PostgreSQL, appendix A)
/// nothing is a cell's: message, place and hint are told.
pub(super) fn unreadable(error: &tokio_postgres::Error, sql: &str) -> Error {
    let Some(refused) = error.as_db_error() else { return db::failure_of("the query", error) };
    let code = refused.code().code();
    let place = place(refused, sql);
    let failure = || Error::usage(format!("{place}: {}", refused.message())).with_sqlstate(code);
    match code {
        "42601" if refused.message().contains("multiple commands") => {
            Error::usage("genogate query takes one statement, and this is more than one")
                .with_sqlstate(code)
                .with_hint("ask them one after the other")
        }
        "42P01" => failure().with_hint(VIEWS),
        "42703" => failure().with_hint(refused.hint().map_or_else(|| unknown_column(refused, sql), str::to_owned)),
        _ if code.starts_with("42") && code != "42501" => match refused.hint() {
            Some(hint) => failure().with_hint(hint.to_owned()),
            None => failure(),
        },
        // A literal that does not fit its type: the message would quote it.
        _ if code.starts_with("22") => {
            Error::usage(db::failure_of(&place, error).to_string()).with_sqlstate(code).with_hint(fitting(code))
        }
        _ => classed(db::failure_of(&place, error)),
    }
}

/// A failure while rows are read.
pub(super) fn failed(error: tokio_postgres::Error, sql: &str) -> Error {
    let place = error.as_db_error().map_or_else(|| "the query".to_owned(), |refused| place(refused, sql));
    classed(db::failure(&place, error))
}

fn classed(failure: Error) -> Error {
    let code = failure.sqlstate().unwrap_or_default().to_owned();
    match code.as_str() {
        // Read-only SQL; and the attempt to leave the read-only transaction.
        "25006" | "25001" => Error::usage("genogate query only reads").with_sqlstate(code),
        _ if code.starts_with("22") => failure.with_hint(fitting(&code)),
        _ if code.starts_with("42") && failure.class() != Class::Denied => Error::usage(failure.to_string()).with_sqlstate(code),
        _ => failure,
    }
}

/// What to do about values of the wrong form.
fn fitting(code: &str) -> &'static str {
    match code {
        "22012" => "divide by nullif(…, 0)",
        "22003" => "cast to a wider type, such as bigint, float8 or numeric",
        "2201B" => "the pattern is no regular expression",
        _ => {
            "a value does not have the form of the type it is cast to; leave such values out: \
              CASE WHEN x ~ '^-?[0-9.]+(e[-+]?[0-9]+)?$' THEN x::float8 END"
        }
    }
}

/// What was meant by a column that does not exist.
fn unknown_column(refused: &DbError, sql: &str) -> String {
    let Some(ErrorPosition::Original(at)) = refused.position() else { return FIELDS.to_owned() };
    let is_name = |c: &char| c.is_alphanumeric() || "_.\"".contains(*c);
    let word: String = sql.chars().skip((*at as usize).saturating_sub(1)).take_while(is_name).collect();
    let name = word.rsplit('.').next().unwrap_or_default().trim_matches('"');
    nearest(name, COLUMNS.iter().copied()).map_or_else(|| FIELDS.to_owned(), |near| format!("did you mean {near}? {FIELDS}"))
}

/// `the query, line 1, column 8`.
fn place(refused: &DbError, sql: &str) -> String {
    let Some(ErrorPosition::Original(at)) = refused.position() else { return "the query".to_owned() };
    let before: String = sql.chars().take((*at as usize).saturating_sub(1)).collect();
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("the query, line {line}, column {column}")
}
