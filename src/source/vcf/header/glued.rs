//! Header lines that lack the line ending between them: `##fileformat=VCFv4.2##FILTER=<…>`. It must not know what lines mean.

/// Lines of the form `<…>`, whose begin cannot be mistaken for a part of a value.
const STRUCTURED: [&[u8]; 8] = [b"INFO", b"FORMAT", b"FILTER", b"ALT", b"contig", b"SAMPLE", b"PEDIGREE", b"META"];

/// The lines that one line holds, one nearly always. A new one begins at `##KEY=<` of a known key, at `##key=` behind a `>`, and
/// at any `##key=` behind the version; never between quotes.
pub(super) fn lines(line: &[u8]) -> Vec<&[u8]> {
    let mut lines = Vec::with_capacity(1);
    let mut from = 0;
    for at in memchr::memmem::find_iter(line, b"##") {
        let (before, rest) = (&line[from..at], &line[at + 2..]);
        if !before.is_empty() && begins(before, rest) {
            lines.push(before);
            from = at;
        }
    }
    lines.push(&line[from..]);
    lines
}

/// Does a line begin with `##` and `rest`, where `before` ends?
fn begins(before: &[u8], rest: &[u8]) -> bool {
    let key = &rest[..rest.iter().take_while(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(byte)).count()];
    let [b'=', value @ ..] = &rest[key.len()..] else { return false };
    let structured = STRUCTURED.contains(&key) && value.starts_with(b"<");
    !key.is_empty() && (structured || before.ends_with(b">") || before.starts_with(b"##fileformat=")) && !is_quoted(before)
}

/// Does the text end inside quotes?
fn is_quoted(text: &[u8]) -> bool {
    let (mut quoted, mut escaped) = (false, false);
    for byte in text {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            _ => {}
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(line: &str) -> Vec<&str> {
        lines(line.as_bytes()).into_iter().map(|line| std::str::from_utf8(line).unwrap()).collect()
    }

    #[test]
    fn lines_are_told_apart_where_one_must_begin() {
        assert_eq!(split("##fileformat=VCFv4.2##FILTER=<ID=q>"), ["##fileformat=VCFv4.2", "##FILTER=<ID=q>"]);
        assert_eq!(split("##fileformat=VCFv4.2##source=x"), ["##fileformat=VCFv4.2", "##source=x"]);
        assert_eq!(
            split("##contig=<ID=1>##reference=x##INFO=<ID=A,Description=\"d\">##INFO=<ID=B>"),
            ["##contig=<ID=1>", "##reference=x", "##INFO=<ID=A,Description=\"d\">", "##INFO=<ID=B>"]
        );
    }

    #[test]
    fn values_are_not_cut() {
        for line in [
            "##fileformat=VCFv4.2",
            "####",
            "##",
            "##INFO=<ID=A,Description=\"as >##INFO=<ID=B> in \\\" another\">",
            "##command=cat a ##b=c | sed s/##x=y//",
            "##source=a##b",
            "##contig=<ID=1>## not a line",
        ] {
            assert_eq!(split(line), [line]);
        }
    }
}
