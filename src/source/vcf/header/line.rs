//! The inside of a structured header line: `<ID=AC,Description="a, \"b\"">`. It must not know what the keys mean.

/// Pairs that are read: no line has so many.
const MOST: usize = 1000;

/// The key-value pairs between `<` and `>`, quotes and backslash escapes undone (VCF 4.3 section 1.4). `None` when the value
/// is no such list. Forgiving: a quoted value may be cut off, a stray word without `=` is passed over.
pub(crate) fn pairs(value: &str) -> Option<Vec<(String, String)>> {
    let inside = value.trim_end().strip_prefix('<')?;
    let inside = inside.strip_suffix('>').unwrap_or(inside);
    let mut pairs = Vec::new();
    let mut chars = inside.chars().peekable();
    while pairs.len() < MOST && chars.peek().is_some() {
        let (mut key, mut has_value) = (String::new(), false);
        for char in chars.by_ref() {
            match char {
                '=' => {
                    has_value = true;
                    break;
                }
                ',' => break,
                other => key.push(other),
            }
        }
        if !has_value {
            continue;
        }
        let mut text = String::new();
        if chars.next_if_eq(&'"').is_some() {
            while let Some(char) = chars.next() {
                match char {
                    '\\' => text.extend(chars.next()),
                    // An unescaped quote inside a description ends it only before a comma or at the end.
                    '"' if matches!(chars.peek(), None | Some(',')) => break,
                    other => text.push(other),
                }
            }
            chars.next_if_eq(&',');
        } else {
            for char in chars.by_ref() {
                match char {
                    ',' => break,
                    other => text.push(other),
                }
            }
        }
        pairs.push((key.trim().to_owned(), text));
    }
    Some(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &str) -> Vec<(String, String)> {
        pairs(value).unwrap()
    }

    #[test]
    fn quotes_commas_and_escapes() {
        let pairs = read(r#"<ID=X,Number=.,Description="a, b=\"c\" \\ d",Source="s">"#);
        let keys: Vec<_> = pairs.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(keys, [("ID", "X"), ("Number", "."), ("Description", r#"a, b="c" \ d"#), ("Source", "s")]);
    }

    #[test]
    fn sloppy_lines() {
        assert_eq!(read(r#"<ID=X, Type=String,Description="he said "no" twice">"#)[2].1, r#"he said "no" twice"#);
        assert_eq!(read(r#"<ID=X,Description="open"#)[1].1, "open");
        assert_eq!(read("<>"), []);
        assert_eq!(pairs("plain text"), None);
        assert_eq!(read(r#"<"a title, in brackets">"#), []);
    }
}
