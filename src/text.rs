//! Text cut and put together. It must not know what a text means.

use std::ops::Range;

/// `text` with each span replaced; spans are ordered and do not overlap. `None` without spans.
pub fn splice<S: AsRef<str>>(text: &str, spans: impl Iterator<Item = (Range<usize>, S)>) -> Option<String> {
    let (mut out, mut copied) = (None, 0);
    for (span, replacement) in spans {
        let out = out.get_or_insert_with(|| String::with_capacity(text.len()));
        out.push_str(text.get(copied..span.start).unwrap_or_default());
        out.push_str(replacement.as_ref());
        copied = span.end;
    }
    let mut out: String = out?;
    out.push_str(text.get(copied..).unwrap_or_default());
    Some(out)
}

/// The word nearest to a misspelt one, whatever the case; `None` when none is near (Damerau-Levenshtein, two letters or a third of the word).
pub fn nearest<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wrong = wrong.to_lowercase();
    let near = right.into_iter().map(|word| (strsim::damerau_levenshtein(&wrong, &word.to_lowercase()), word)).min()?;
    Some(near).filter(|(distance, word)| *distance <= 2.max(word.len() / 3)).map(|(_, word)| word)
}

/// An enum whose variants are fixed words: the words stand beside the variant and are made by `Display`.
macro_rules! worded {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident => $text:literal,)+ }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$doc])* #[doc = $text] $variant,)+
        }

        impl $name {
            /// The words.
            $vis const fn text(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)+
                }
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.text())
            }
        }
    };
}

pub(crate) use worded;

/// A number of bytes as people write it: `16MiB`, `64 k`, `2MB` (thousands), `7`. `None` when it is none, or more than a u64 holds.
pub fn bytes(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

/// Does a text carry a password, as `scheme://user:password@host`, `user:password@host` and `host=… password=…` do? A reference such as
/// `password={ env: NAME }` is none.
pub fn holds_password(text: &str) -> bool {
    let lower = text.to_ascii_lowercase().replace("%3a", ":").replace("%2f", "/");
    let urls = lower.match_indices("://").any(|(at, _)| {
        let rest = lower.get(at + 3..).unwrap_or_default();
        let database = lower.get(..at).is_some_and(|before| before.ends_with("postgres") || before.ends_with("postgresql"));
        // In a database's URL a password may hold anything, a slash too.
        let end = rest.find(|c: char| c.is_whitespace() || "'\"".contains(c) || (c == '/' && !database)).unwrap_or(rest.len());
        let authority = rest.get(..end).unwrap_or_default();
        match authority.rsplit_once('@') {
            Some((user, _)) => user.contains(':'),
            None => {
                let host = authority.split(['/', '?']).next().unwrap_or_default();
                let port = host.split_once(':').map(|(_, port)| port);
                database && !host.starts_with('[') && port.is_some_and(|port| port.contains(|c: char| !c.is_ascii_digit()))
            }
        }
    });
    let named = ["password", "passwd", "pwd"].iter().flat_map(|key| lower.match_indices(*key)).any(|(at, key)| {
        let value = lower.get(at + key.len()..).and_then(|rest| rest.trim_start().strip_prefix('='));
        value.is_some_and(|value| !value.trim_start().is_empty() && !value.trim_start().starts_with(['{', '&']))
    });
    urls || named || is_login(&lower) || is_line_of_a_passfile(&lower)
}

/// `host:port:database:user:password`, and nothing else.
fn is_line_of_a_passfile(text: &str) -> bool {
    let fields: Vec<&str> = text.splitn(5, ':').collect();
    matches!(fields[..], [host, port, _, user, password] if ![host, user, password].contains(&"")
        && !text.contains(char::is_whitespace) && (port == "*" || !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())))
}

/// `user:password@host`, and nothing else.
fn is_login(text: &str) -> bool {
    let word = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    let Some((login, place)) = text.rsplit_once('@') else { return false };
    let Some((user, _)) = login.split_once(':') else { return false };
    word(user)
        && !text.contains("://")
        && !text.contains(char::is_whitespace)
        && word(place.split([':', '/']).next().unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_known_by_where_it_stands() {
        for held in [
            "postgresql://u:SECRET@h/db",
            "--database=postgres://u:SE/CR@ET@h:5432/db?sslmode=require",
            "postgresql://u:SECRET",
            "postgresql://h/db?user=u&password=SECRET",
            "jdbc:postgresql://h/db?user=u&PASSWORD=SECRET",
            "host=h user=u password = SECRET",
            "https://u:SECRET@h/x.vcf.gz",
            "u:SECRET@h/db",
            "PASSWORD = SECRET",
            "postgresql%3A//u:SECRET@h/db",
            "postgresql%3A%2F%2Fu%3ASECRET@h/db",
            "h:5432:db:u:SECRET",
            "u:SECRET@h",
        ] {
            assert!(holds_password(held), "{held}");
        }
        for free in [
            "postgresql://u@h:5432/db",
            "postgresql://[::1]:5432/db",
            "https://h:8080/a@b.vcf.gz",
            "db.example.org",
            "databases.d.password={ env: NAME }",
            "databases.d={ host: h, user: u, password: { file: p } }",
            "chr1:1-10",
            "info.note = 'a:b@c'",
        ] {
            assert!(!holds_password(free), "{free}");
        }
    }

    #[test]
    fn spans_are_replaced_and_the_rest_stays() {
        assert_eq!(splice("abcdef", [(1..2, "X"), (4..6, "")].into_iter()).as_deref(), Some("aXcd"));
        assert_eq!(splice("aé", [(1..3, "e")].into_iter()).as_deref(), Some("ae"));
        assert_eq!(splice("abc", std::iter::empty::<(Range<usize>, &str)>()), None);
    }
}
