//! Grammars of single words: keys, contigs, filters, symbolic alleles, URLs, and which characters a line may hold. It must not
//! know where the words stand.

use crate::source::vcf::reason::Reason;

/// Characters of a line (4.3 section 1.2): UTF-8 without control characters.
pub(super) fn text(line: &[u8], minor: u32) -> Result<(), Reason> {
    if std::str::from_utf8(line).is_err() {
        return Err(Reason::NotUtf8);
    }
    if line.contains(&0) {
        return Err(Reason::HoldsNul);
    }
    if minor >= 3 && line.iter().any(|byte| *byte < 0x20 && *byte != b'\t') {
        return Err(Reason::ControlCharacter);
    }
    Ok(())
}

/// A key of INFO (4.3 section 1.6.1).
pub(super) fn is_info_key(key: &[u8], minor: u32) -> bool {
    match minor {
        ..3 => !key.is_empty() && !key.iter().any(u8::is_ascii_whitespace),
        _ => is_key(key) || key == b"1000G",
    }
}

/// A key of FORMAT: alphanumeric (4.2 section 1.4.2), from 4.3 on like an INFO key (section 1.6.2).
pub(super) fn is_format_key(key: &[u8], minor: u32) -> bool {
    match minor {
        ..3 => !key.is_empty() && key.iter().all(u8::is_ascii_alphanumeric),
        _ => is_key(key),
    }
}

/// `[A-Za-z_][0-9A-Za-z_.]*`
pub(super) fn is_key(key: &[u8]) -> bool {
    let first = key.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    first && key.iter().all(|byte| byte.is_ascii_alphanumeric() || b"_.".contains(byte))
}

/// A contig's name without angle brackets: from 4.3 on as in SAM (section 1.4.7), before that no white space and none of the
/// characters that end a name in ALT and in header lines.
pub(super) fn is_contig(name: &[u8], minor: u32) -> bool {
    let Some(first) = name.first() else { return false };
    match minor {
        ..3 => *first != b'#' && !name.iter().any(|byte| byte.is_ascii_whitespace() || b"<>,".contains(byte)),
        _ => {
            let inside = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&*+./:;=?@^_|~-".contains(byte);
            !b"*=#".contains(first) && name.iter().all(inside)
        }
    }
}

/// CHROM: a contig's name or `<ID>`. Before 4.3 "the colon symbol (:) must be absent from all chromosome names" (section 1.4.1).
pub(super) fn is_chrom(text: &[u8], minor: u32) -> bool {
    match text.strip_prefix(b"<") {
        _ if minor < 3 && text.contains(&b':') => false,
        Some(rest) => rest.strip_suffix(b">").is_some_and(|name| is_contig(name, minor)),
        None => is_contig(text, minor),
    }
}

/// What stands between the angle brackets of a symbolic allele (section on ALT: no white space, commas, angle brackets).
pub(super) fn is_allele_id(id: &[u8]) -> bool {
    !id.is_empty() && !id.iter().any(|byte| byte.is_ascii_whitespace() || byte.is_ascii_control() || b"<>,".contains(byte))
}

/// The first-level types of structural variants (section on ALT lines); BND is one until 4.3.
pub(super) fn is_variant_type(word: &[u8], minor: u32) -> bool {
    matches!(word, b"DEL" | b"INS" | b"DUP" | b"INV" | b"CNV") || (word == b"BND" && minor <= 3)
}

/// An ALT id with subtypes begins with a first-level type.
pub(super) fn has_known_type(id: &[u8], minor: u32) -> bool {
    let first = id.split(|byte| *byte == b':').next().unwrap_or_default();
    first.len() == id.len() || is_variant_type(first, minor)
}

/// A filter's name: no white space, no semicolon, and not `0`.
pub(super) fn is_filter(name: &[u8]) -> bool {
    !name.is_empty() && name != b"0" && !name.iter().any(|byte| byte.is_ascii_whitespace() || *byte == b';')
}

/// A URL (RFC 1738 section 3.1): a scheme, and a host that is a name or four numbers, except for local files.
pub(super) fn is_url(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once("://") else { return false };
    let scheme_fits = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    if !scheme_fits || text.chars().any(char::is_whitespace) {
        return false;
    }
    let authority = rest.split(['/', '?', '#']).next().unwrap_or("");
    if authority.is_empty() {
        return scheme.eq_ignore_ascii_case("file") && rest.len() > 1;
    }
    let host = authority.rsplit('@').next().unwrap_or("");
    if host.starts_with('[') {
        return host.contains(']');
    }
    let (host, port) = host.split_once(':').unwrap_or((host, "0"));
    let labels: Vec<&str> = host.trim_end_matches('.').split('.').collect();
    let numbers = labels.len() == 4 && labels.iter().all(|label| label.parse::<u8>().is_ok());
    let plain = |label: &&str| !label.is_empty() && label.chars().all(|c| c.is_alphanumeric() || "-_%".contains(c));
    let named = labels.iter().all(plain) && labels.last().is_some_and(|top| top.starts_with(char::is_alphabetic));
    (numbers || named) && !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contig_names() {
        for good in ["1", "chr1", "HLA-A*01:01", "chr:1", "gi|1|x", "a=b", "1.*", "KI270742v1_random"] {
            assert!(is_contig(good.as_bytes(), 3), "{good}");
        }
        for bad in ["", "*a", "=a", "#a", "a b", "a,b", "a<b", "a[b", "a\"b", "a(b", "a\\b", "{a}", "é"] {
            assert!(!is_contig(bad.as_bytes(), 3), "{bad}");
        }
        assert!(is_contig(b"*a", 2) && is_contig(b"a(b", 2) && !is_contig(b"a b", 2) && !is_contig(b"a,b", 1));
        assert!(is_chrom(b"<1A>", 3) && !is_chrom(b"<1", 3) && !is_chrom(b"1>", 3) && !is_chrom(b"<>", 3));
    }

    #[test]
    fn urls() {
        for good in [
            "ftp://www.ebi.ac.uk:8080/a/b",
            "http://123.0.1.2:80/x",
            "ftp://user@host:8080/p?q=1",
            "file:///a/b",
            "https://[::1]/a",
        ] {
            assert!(is_url(good), "{good}");
        }
        for bad in
            ["", "url", "ftp://8080:8080/a", "ftp:///a", "<>", "://a", "ftp://a b/c", "http://host:x/", "http://999.1.1.1/"]
        {
            assert!(!is_url(bad), "{bad}");
        }
    }

    #[test]
    fn keys_by_version() {
        assert!(is_info_key(b"1000G", 3) && !is_info_key(b"1kG", 3) && is_info_key(b"1kG", 2) && !is_info_key(b"R Q", 2));
        assert!(is_format_key(b"G_S", 3) && !is_format_key(b"G_S", 2) && is_format_key(b"1GS", 2) && !is_format_key(b"G%3AS", 3));
    }

    #[test]
    fn first_level_types() {
        assert!(has_known_type(b"DEL:ME", 2) && has_known_type(b"custom", 3) && !has_known_type(b"THIS:IS", 3));
        assert!(has_known_type(b"BND:x", 3) && !has_known_type(b"BND:x", 4));
    }
}
