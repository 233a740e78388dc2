//! The sub-fields a header declares for an annotation, in its Description, and how each tool writes its entries. It must not
//! know records.

/// Sub-fields an annotation may have; real ones have up to a few hundred.
const MOST: usize = 1024;
/// Bytes a sub-field's name may have.
const LONGEST: usize = 96;

/// Who wrote an annotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    /// Ensembl VEP: CSQ.
    Vep,
    /// SnpEff: ANN.
    Ann,
    /// SnpEff before 4.1: EFF.
    Eff,
    /// BCFtools/csq: BCSQ.
    Bcsq,
}

/// Names of the sub-fields in order, all different: behind `Format:` (VEP, BCFtools/csq, EFF) or between single quotes (ANN).
/// `None` when the text lists none, or more or longer ones than make sense.
pub(super) fn subfields(tool: Tool, description: &str) -> Option<Vec<String>> {
    let listed = match description.rsplit_once("Format:") {
        Some((_, listed)) => listed.trim(),
        None => {
            let (_, rest) = description.split_once('\'')?;
            rest.rsplit_once('\'').map(|(inside, _)| inside).filter(|inside| inside.contains('|'))?
        }
    };
    let quote = listed.chars().next().filter(|c| matches!(c, '\'' | '"'));
    let listed = quote.and_then(|quote| listed.split(quote).nth(1)).unwrap_or(listed);
    let listed = listed.trim_end_matches(['"', '\'', '.', ' ']);
    // `Effect ( Effect_Impact | … | Genotype_Number [ | ERRORS | WARNINGS ] )`
    let opened = if tool == Tool::Eff { listed.replacen('(', "|", 1) } else { listed.to_owned() };
    let mut names: Vec<String> = Vec::new();
    for name in opened.split('|').map(|name| unmarked(tool, name)) {
        if names.len() == MOST || name.len() > LONGEST {
            return None;
        }
        let name = if name.is_empty() { format!("field_{}", names.len() + 1) } else { name.to_owned() };
        let again = (2..).map(|n| format!("{name}_{n}"));
        let free = std::iter::once(name.clone()).chain(again).find(|name| !names.iter().any(|known| same(known, name)));
        names.extend(free);
    }
    (!listed.is_empty()).then_some(names)
}

/// A sub-field's name without the marks around it: BCFtools/csq marks what may be absent, `[*]consequence|gene|biotype[|strand|…]`,
/// and EFF's list ends in ` [ | ERRORS | WARNINGS ] )`. A bracket that closes one of the name's own is part of the name.
fn unmarked(tool: Tool, name: &str) -> &str {
    let mark = |c: char| c == ' ' || (tool != Tool::Vep && "[]()*".contains(c));
    let mut name = name.trim_start_matches(mark);
    while let Some(last) = name.chars().next_back().filter(|c| mark(*c)) {
        let opens = match last {
            ')' => '(',
            ']' => '[',
            _ => last,
        };
        if opens != last && name.matches(opens).count() >= name.matches(last).count() {
            break;
        }
        name = name.get(..name.len() - last.len_utf8()).unwrap_or_default();
    }
    name
}

/// Whose form a Description's sub-fields have, as far as they tell: users name the INFO field of one tool in another.
pub(super) fn tool_of(description: &str) -> Option<Tool> {
    let names = subfields(Tool::Eff, description)?;
    let has = |wanted: &str| names.iter().any(|name| same(name, wanted));
    match () {
        () if has("Allele") && has("Consequence") => Some(Tool::Vep),
        () if has("Allele") && has("Annotation") => Some(Tool::Ann),
        () if has("Effect") && has("Effect_Impact") => Some(Tool::Eff),
        () if has("Consequence") && has("dna_change") => Some(Tool::Bcsq),
        () => None,
    }
}

impl Tool {
    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Tool::Vep => "Ensembl VEP",
            Tool::Ann | Tool::Eff => "SnpEff",
            Tool::Bcsq => "BCFtools/csq",
        }
    }
}

/// Is it the same sub-field? Tools changed the case of names between versions.
pub(super) fn same(a: &str, b: &str) -> bool {
    a.eq_ignore_ascii_case(b)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_tools_description() {
        let vep = "Consequence annotations from Ensembl VEP. Format: Allele|Consequence|IMPACT";
        assert_eq!(subfields(Tool::Vep, vep).unwrap(), ["Allele", "Consequence", "IMPACT"]);
        assert_eq!(subfields(Tool::Vep, "Format: Consequence").unwrap(), ["Consequence"]);
        let own = "Local consequence annotation. Format: [*]Consequence|gene|dna_change|offset(1-based)|AF[|x(y)]";
        let expected = ["Consequence", "gene", "dna_change", "offset(1-based)", "AF", "x(y)"];
        assert_eq!(subfields(Tool::Bcsq, own).unwrap(), expected);
        assert_eq!((tool_of(vep), tool_of(own), tool_of("Format: a|b")), (Some(Tool::Vep), Some(Tool::Bcsq), None));
        let ann = "Functional annotations: 'Allele | Annotation | cDNA.pos / cDNA.length | ERRORS / WARNINGS / INFO' ";
        let expected = ["Allele", "Annotation", "cDNA.pos / cDNA.length", "ERRORS / WARNINGS / INFO"];
        assert_eq!(subfields(Tool::Ann, ann).unwrap(), expected);
        assert_eq!(tool_of(ann), Some(Tool::Ann));
        let eff = "Predicted effects for this variant.Format: 'Effect ( Effect_Impact | Codon_Change| Genotype_Number [ | ERRORS | WARNINGS ] )' ";
        let expected = ["Effect", "Effect_Impact", "Codon_Change", "Genotype_Number", "ERRORS", "WARNINGS"];
        assert_eq!(subfields(Tool::Eff, eff).unwrap(), expected);
        assert_eq!(tool_of(eff), Some(Tool::Eff));
        let old = "Local consequence annotation from BCFtools/csq. Format: '[*]consequence|gene|biotype[|strand|dna_change]' or, for consequences of variants split across multiple sites, a pointer '@position'. '*' prefix indicates a consequence downstream from a stop";
        assert_eq!(subfields(Tool::Bcsq, old).unwrap(), ["consequence", "gene", "biotype", "strand", "dna_change"]);
        let new =
            "Haplotype-aware consequence annotation from BCFtools/csq, see http://x.org/ for details. Format: Consequence|gene";
        assert_eq!(subfields(Tool::Bcsq, new).unwrap(), ["Consequence", "gene"]);
    }

    #[test]
    fn names_are_made_different() {
        let names = subfields(Tool::Vep, "Format: AF||af|AF_2|").unwrap();
        assert_eq!(names, ["AF", "field_2", "af_2", "AF_2_2", "field_5"]);
    }

    #[test]
    fn what_lists_nothing_gives_nothing() {
        for text in ["", "SnpEff annotations", "it's", "the patient's doctor's note", "Format:", "Format: ''"] {
            assert_eq!(subfields(Tool::Vep, text), None, "{text}");
        }
        assert_eq!(subfields(Tool::Vep, &format!("Format: {}", "a|".repeat(5000))), None);
        assert_eq!(subfields(Tool::Vep, &format!("Format: a|{}", "b".repeat(500))), None);
    }
}
