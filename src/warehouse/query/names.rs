//! The names in a statement, read as the server's own scanner reads them (PostgreSQL, "Lexical Structure";
//! `standard_conforming_strings` is on in every session of ours). It must not know what a name stands for.

use std::collections::BTreeSet;

/// Names in a statement, folded to lower case where they are not quoted.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    /// Every one.
    pub all: BTreeSet<String>,
    /// Those before an opening parenthesis: functions, among others.
    pub called: BTreeSet<String>,
}

/// Longer names are cut by the server (NAMEDATALEN).
const LONGEST: usize = 63;

/// The names in `sql`. `None` where it is written in a way that this reader does not follow: an identifier in Unicode escapes, a
/// string with escapes that goes on in the next line.
pub(super) fn names(sql: &str) -> Option<Names> {
    let mut names = Names::default();
    let mut rest = sql;
    let mut last: Option<String> = None;
    while let Some(first) = rest.chars().next() {
        let ahead = blank(rest);
        if ahead < rest.len() {
            rest = &rest[rest.len() - ahead..];
            continue;
        }
        let mut name = None;
        rest = match first {
            '\'' => quoted(&rest[1..], '\'')?.1,
            '"' => {
                let (text, after) = quoted(&rest[1..], '"')?;
                name = Some(text.replace("\"\"", "\""));
                after
            }
            '$' => dollar(rest),
            _ if starts_name(first) => {
                let end = rest.find(|c: char| !(starts_name(c) || c.is_ascii_digit() || c == '$')).unwrap_or(rest.len());
                let (word, after) = rest.split_at(end);
                match (word.to_ascii_lowercase().as_str(), after.as_bytes()) {
                    ("e", [b'\'', ..]) => escaped(&after[1..])?,
                    ("u", [b'&', b'"', ..]) => return None,
                    (folded, _) => {
                        name = Some(folded.to_owned());
                        after
                    }
                }
            }
            _ => {
                if first == '('
                    && let Some(called) = last.take()
                {
                    names.called.insert(called);
                }
                &rest[first.len_utf8()..]
            }
        };
        if let Some(mut name) = name.clone() {
            name.truncate(name.floor_char_boundary(LONGEST));
            names.all.insert(name);
        }
        last = name;
    }
    Some(names)
}

fn starts_name(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

/// How much of `text` is left behind blanks and comments at its beginning.
fn blank(text: &str) -> usize {
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', '\n', '\r', '\u{b}', '\u{c}']);
        if rest.starts_with("--") {
            rest = rest.find(['\n', '\r']).map_or("", |end| &rest[end..]);
        } else if rest.starts_with("/*") {
            rest = comment(rest);
        } else {
            return rest.len();
        }
    }
}

/// Behind a comment that may hold others.
fn comment(text: &str) -> &str {
    let (mut depth, mut at) = (0, 0);
    let bytes = text.as_bytes();
    while at < bytes.len() {
        match bytes.get(at..at + 2) {
            Some(b"/*") => (depth, at) = (depth + 1, at + 2),
            Some(b"*/") => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    text.get(at..).unwrap_or("")
}

/// What stands before the closing quote, and what behind it; a doubled quote does not close.
fn quoted(text: &str, quote: char) -> Option<(&str, &str)> {
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.find(quote)?;
        match text[at + 1..].starts_with(quote) {
            true => from = at + 2,
            false => return Some((&text[..at], &text[at + 1..])),
        }
    }
}

/// Behind a string with backslash escapes, which must not go on after a new line.
fn escaped(text: &str) -> Option<&str> {
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => {
                characters.next()?;
            }
            '\'' if text[at + 1..].starts_with('\'') => {
                characters.next();
            }
            '\'' => {
                let after = &text[at + 1..];
                let next = &after[after.len() - blank(after)..];
                let goes_on = next.starts_with('\'') && after[..after.len() - next.len()].contains(['\n', '\r']);
                return (!goes_on).then_some(after);
            }
            _ => {}
        }
    }
    None
}

/// Behind `$tag$ … $tag$`, or behind the dollar sign of anything else.
fn dollar(text: &str) -> &str {
    let tag = text[1..].find(|c: char| !(starts_name(c) || c.is_ascii_digit())).map(|end| &text[..end + 2]);
    match tag.filter(|tag| tag.ends_with('$') && !tag[1..].starts_with(|c: char| c.is_ascii_digit())) {
        Some(tag) => text[tag.len()..].find(tag).map_or("", |end| &text[tag.len() + end + tag.len()..]),
        None => &text[1..],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(sql: &str) -> Vec<String> {
        names(sql).unwrap().called.into_iter().collect()
    }

    #[test]
    fn a_call_is_found_however_it_is_written() {
        for sql in [
            "SELECT pg_sleep(1)",
            "select PG_Sleep  (1)",
            "SELECT pg_catalog.pg_sleep/* x /* y */ ( */\n(1)",
            "SELECT \"pg_sleep\"(1)",
            "SELECT 'it''s', pg_sleep(1)",
            "SELECT E'a\\'', pg_sleep(1) --'",
            "SELECT 'a\\', pg_sleep(1) --'",
            "SELECT $$'$$, pg_sleep(1) --'",
            "SELECT $a$ $$ ' $a$, pg_sleep(1) --'",
            "SELECT 1 -- '\n, pg_sleep(1)",
            "SELECT 1 -- '\r, pg_sleep(1)",
            "SELECT x$1$, pg_sleep(1), y$1$",
            "SELECT U&'\\0041', pg_sleep(1)",
            "VALUES (1) LIMIT pg_sleep(1)",
        ] {
            assert!(called(sql).contains(&"pg_sleep".to_owned()), "{sql}: {:?}", called(sql));
        }
    }

    #[test]
    fn what_is_no_call_is_none() {
        for sql in [
            "SELECT 'pg_sleep(1)'",
            "SELECT E'\\\\\\' pg_sleep(1)'",
            "SELECT $x$ pg_sleep(1) $x$",
            "SELECT 1 -- pg_sleep(1)",
            "SELECT /* pg_sleep(1) */ 1",
            "SELECT pg_sleep FROM t",
            "SELECT \"a pg_sleep(1)\" FROM t",
        ] {
            assert!(!called(sql).contains(&"pg_sleep".to_owned()), "{sql}");
        }
        assert!(names("TABLE pg_stat_activity").unwrap().all.contains("pg_stat_activity"));
    }

    #[test]
    fn what_cannot_be_followed_is_not_guessed() {
        for sql in [
            "SELECT U&\"pg\\005fsleep\"(1)",
            "SELECT E'a'\n'b\\'', pg_sleep(1) --'",
            "SELECT 'open",
            "SELECT \"open",
            "SELECT E'open\\'",
        ] {
            assert_eq!(names(sql), None, "{sql}");
        }
    }
}
