//! How header lines are searched and rewritten: attribute by attribute for structured lines (`<ID=…,Description="…">`, VCF
//! 4.5 section 1.4), whole otherwise. It must not know which lines a policy lets through.

use std::ops::Range;

use crate::text::splice;

/// One searched piece of a header line's value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The attribute's name; empty for a line without attributes.
    pub name: Range<usize>,
    /// Its value, without quotes.
    pub value: Range<usize>,
}

/// Attributes that are told apart.
const MOST: usize = 10_000;

/// The pieces of a line's value (everything behind `##key=`): one an attribute, or the whole value. Tolerant: whatever does
/// not parse as attributes, and what comes behind very many of them, is one piece, so every byte that can hold text is searched.
pub fn parts(value: &str) -> Vec<Part> {
    let Some(inner) = value.strip_prefix('<') else { return vec![Part { name: 0..0, value: 0..value.len() }] };
    let end = 1 + inner.strip_suffix('>').unwrap_or(inner).len();
    let mut parts = Vec::new();
    let (mut start, mut equals, mut quoted, mut escaped, mut depth) = (1, None, false, false, 0u32);
    let bytes = value.as_bytes();
    for at in 1..=end {
        let byte = if at == end { None } else { bytes.get(at).copied() };
        match byte {
            None => {}
            Some(_) if escaped => {
                escaped = false;
                continue;
            }
            Some(b'\\') if quoted => {
                escaped = true;
                continue;
            }
            Some(b'"') => {
                quoted = !quoted;
                continue;
            }
            Some(_) if quoted => continue,
            Some(b'[') => {
                depth += 1;
                continue;
            }
            Some(b']') => {
                depth = depth.saturating_sub(1);
                continue;
            }
            Some(b'=') => {
                equals = equals.or(Some(at));
                continue;
            }
            Some(b',') if depth == 0 => {}
            Some(_) => continue,
        }
        let (name, from) = equals.map_or((start..start, start), |equals| (start..equals, equals + 1));
        if parts.len() == MOST {
            parts.push(Part { name: 0..0, value: start..end });
            break;
        }
        let quotes = at >= from + 2 && bytes.get(from) == Some(&b'"') && bytes.get(at - 1) == Some(&b'"');
        parts.push(Part { name, value: if quotes { from + 1..at - 1 } else { from..at } });
        (start, equals) = (at + 1, None);
    }
    parts
}

/// A line's value with some of its pieces replaced: `change` gets an attribute's name (empty for a whole line) and its
/// value. `None` when nothing changed.
pub fn rewrite(value: &str, mut change: impl FnMut(&str, &str) -> Option<String>) -> Option<String> {
    let changed = parts(value).into_iter().filter_map(|part| {
        let new = change(value.get(part.name)?, value.get(part.value.clone())?)?;
        Some((part.value, new))
    });
    splice(value, changed)
}

/// Is a match of this pattern in a line of this key no identifier? The day on which a file or an annotation was made says
/// nothing about a person.
pub fn ignores(key: &str, pattern: &str) -> bool {
    pattern.starts_with("date-")
        && pattern != "date-of-birth"
        && ["filedate", "starttime", "date", "time", "vep", "snpeffversion", "source"]
            .contains(&key.to_ascii_lowercase().as_str())
}

/// Does a line of this key list samples, so that even the shortest name in it is one (VCF 4.5 sections 1.4.8 and 1.4.9)?
pub fn names_samples(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["sample", "pedigree", "pedigreedb", "meta", "individual"].contains(&key.as_str()) || key.ends_with("_sample")
}

/// Keys that the specification names (VCF 4.5 section 1.4).
pub const SPECIFIED: [&str; 15] = [
    "fileformat",
    "fileDate",
    "source",
    "reference",
    "contig",
    "phasing",
    "INFO",
    "FILTER",
    "FORMAT",
    "ALT",
    "assembly",
    "META",
    "SAMPLE",
    "PEDIGREE",
    "pedigreeDB",
];

/// Keys that tools write; lower case.
const OF_TOOLS: &str = "bcftools_viewcommand bcftools_viewversion bcftools_concatcommand bcftools_mergecommand bcftools_normcommand \
    bcftools_callcommand bcftools_annotatecommand bcftools_filtercommand bcftools_pluginversion samtoolscommand samtoolsversion \
    gatkcommandline gatk_version unifiedgenotyper dragencommandline dragenversion vep vep-command-line snpeffversion snpeffcmd \
    snpsiftcmd commandline cmdline command starttime comment comments note notes description deepvariant_version individual \
    tumor_sample normal_sample mutectversion filtering_status date contact center platform";

/// Is it a key of the specification or of a tool? Any other may be free text.
pub fn is_known(key: &str) -> bool {
    let lower = key.to_ascii_lowercase();
    SPECIFIED.contains(&key) || OF_TOOLS.split_ascii_whitespace().any(|known| known == lower)
}

/// Does `ID` of this line name a column, a filter or a contig, which the schema and the rows repeat?
pub fn id_is_structural(key: &str) -> bool {
    ["INFO", "FORMAT", "FILTER", "ALT", "contig"].contains(&key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shown(value: &str) -> Vec<(&str, &str)> {
        parts(value).into_iter().map(|part| (&value[part.name], &value[part.value])).collect()
    }

    #[test]
    fn attributes_are_taken_apart() {
        assert_eq!(
            shown(r#"<ID=A,Description="a, \"b\"=c",Values=[x,y],Flag>"#),
            [("ID", "A"), ("Description", r#"a, \"b\"=c"#), ("Values", "[x,y]"), ("", "Flag")]
        );
        assert_eq!(shown("plain <text>, more"), [("", "plain <text>, more")]);
        assert_eq!(shown("<ID=x"), [("ID", "x")]);
        assert_eq!(shown("<>"), [("", "")]);
        assert_eq!(shown(r#"<ID=x,Description="open"#), [("ID", "x"), ("Description", "\"open")]);
    }

    #[test]
    fn an_attribute_is_replaced_within_its_quotes() {
        let out =
            rewrite(r#"<ID=A,Description="call Jane",Version=1>"#, |name, _| (name == "Description").then(|| "gone".into()));
        assert_eq!(out.as_deref(), Some(r#"<ID=A,Description="gone",Version=1>"#));
        assert_eq!(
            rewrite("whole", |name, value| (name.is_empty() && value == "whole").then(|| "new".into())).as_deref(),
            Some("new")
        );
        assert_eq!(rewrite("<ID=A>", |_, _| None), None);
    }

    #[test]
    fn the_day_of_the_file_is_not_the_day_of_a_person() {
        assert!(ignores("fileDate", "date-iso"));
        assert!(!ignores("fileDate", "date-of-birth"));
        assert!(!ignores("COMMENT", "date-iso"));
        assert!(names_samples("PEDIGREE") && names_samples("tumor_sample") && !names_samples("INFO"));
    }

    proptest! {
        #[test]
        fn no_word_escapes_the_search(value in r#"<?[a-z="\\,\[\]<>é]{0,30}"#) {
            let covered: usize = parts(&value).iter().map(|part| part.name.len() + part.value.len()).sum();
            let letters = value.chars().filter(|c| c.is_alphabetic()).map(char::len_utf8).sum::<usize>();
            prop_assert!(covered >= letters, "{covered} of {value}");
        }
    }
}
