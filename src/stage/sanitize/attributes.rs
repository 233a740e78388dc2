//! Takes the inside of a structured header line (`<ID=…,Description="…">`) apart. It must not know which keys exist.

/// Attributes in order, values without quotes and escapes. `None` when the value is not a structured one.
pub(super) fn parse(value: &str) -> Option<Vec<(String, String)>> {
    let mut rest = value.trim().strip_prefix('<')?.strip_suffix('>')?;
    let mut attributes = Vec::new();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (text, after) = match after.strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => after.split_once(',').map_or((after.to_owned(), ""), |(text, after)| (text.to_owned(), after)),
        };
        attributes.push((name.trim().to_owned(), text));
        rest = after;
    }
    Some(attributes)
}

/// Text up to the closing quote, and what stands behind the comma after it.
fn unquote(quoted: &str) -> Option<(String, &str)> {
    let mut text = String::new();
    let mut chars = quoted.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => text.extend(chars.next().map(|(_, escaped)| escaped)),
            '"' => {
                let after = quoted.get(at + 1..)?.trim_start();
                return Some((text, after.strip_prefix(',').unwrap_or(after)));
            }
            _ => text.push(c),
        }
    }
    None
}

/// Puts attributes together again; descriptions in quotes.
pub(super) fn write(attributes: &[(String, String)]) -> String {
    let one = |(name, text): &(String, String)| match name.as_str() {
        "Description" => format!("{name}=\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
        _ => format!("{name}={text}"),
    };
    format!("<{}>", attributes.iter().map(one).collect::<Vec<_>>().join(","))
}

/// Names of an annotation's sub-fields as its Description lists them: behind `Format:`, or between single quotes.
pub(super) fn subfield_names(description: &str, separator: char) -> Option<Vec<String>> {
    let listed = match description.rsplit_once("Format:") {
        Some((_, listed)) => listed,
        None => description.split_once('\'')?.1.rsplit_once('\'')?.0,
    };
    let listed = listed.trim();
    let quote = listed.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let listed = quote.and_then(|quote| listed.split(quote).nth(1)).unwrap_or(listed).trim_matches(['(', ')', '.', ' ']);
    // BCFtools/csq marks what may be absent: `[*]consequence|gene|transcript|biotype[|strand|…]`.
    let marks = ['[', ']', '*', ' '];
    let names: Vec<String> = listed.split(separator).map(|name| name.trim_matches(marks).to_owned()).collect();
    (names.len() > 1).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_come_apart_and_together() {
        let line = r#"<ID=X,Number=.,Type=String,Description="a, \"b\" \\ = >",Source=y>"#;
        let attributes = parse(line).unwrap();
        assert_eq!(attributes[3], ("Description".into(), r#"a, "b" \ = >"#.into()));
        assert_eq!(attributes.len(), 5);
        assert_eq!(write(&attributes), line);
    }

    #[test]
    fn what_is_not_structured_is_not_taken_apart() {
        for value in ["VCFv4.2", "<ID", "<ID=\"open>", "file:///x", "<noequals>"] {
            assert_eq!(parse(value), None, "{value}");
        }
        assert_eq!(parse("<>"), Some(vec![]));
    }

    #[test]
    fn annotations_say_their_order() {
        let vep = "Consequence annotations from Ensembl VEP. Format: Allele|Consequence|IMPACT";
        assert_eq!(subfield_names(vep, '|').unwrap(), ["Allele", "Consequence", "IMPACT"]);
        let snpeff = "Functional annotations: 'Allele | Annotation | Annotation_Impact' ";
        assert_eq!(subfield_names(snpeff, '|').unwrap(), ["Allele", "Annotation", "Annotation_Impact"]);
        let csq = "Local consequence annotation from BCFtools/csq. Format: '[*]consequence|gene|transcript|biotype[|strand|dna_change]'. See the manual.";
        assert_eq!(subfield_names(csq, '|').unwrap(), ["consequence", "gene", "transcript", "biotype", "strand", "dna_change"]);
        assert_eq!(subfield_names("free text", '|'), None);
    }
}
