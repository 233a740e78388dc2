//! Symbols of genes: those that a list approves, and words of their form where an accession in the same entry says which gene is
//! meant. A surname in capitals has the form, too. It must not know where a symbol stands.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock, OnceLock};

use regex::{Regex, RegexBuilder};

use crate::phi::Words;

/// Approved and earlier symbols of the HGNC (CC0) and gene names of Ensembl, of human genes, one a line.
const SHIPPED: &str = include_str!("symbols.txt");

/// Names of clones and loci that were never given a symbol.
const UNNAMED: &str = r"(?:RP|CT|XX|KB|LL|LA|GS|AC|AP|AL|CH)[A-Za-z0-9]{0,8}-[0-9]{1,5}[A-Z][0-9]{1,4}(?:\.[0-9]{1,3})?|LOC[0-9]{5,9}|[A-Z]{1,2}[0-9]{5,6}\.[0-9]{1,3}";
/// What says which gene is meant: accessions of Ensembl and RefSeq.
const ACCESSION: &str = r"(?:ENS[A-Z]{0,4}[GTP][0-9]{11}|[NX][MRP]_[0-9]{6,9})(?:\.[0-9]{1,3})?(?:_PAR_Y)?";

static LISTED: LazyLock<HashSet<&'static str>> = LazyLock::new(|| SHIPPED.lines().collect());
static UNNAMED_FORM: LazyLock<Option<Regex>> = LazyLock::new(|| whole(UNNAMED));
static ACCESSION_FORM: LazyLock<Option<Regex>> = LazyLock::new(|| whole(ACCESSION));

fn whole(grammar: &str) -> Option<Regex> {
    RegexBuilder::new(&format!(r"\A(?:{grammar})\z")).unicode(false).build().ok()
}

/// The symbols that a site approves beside the shipped ones, and, once a run has begun, the names that no other symbol may be.
#[derive(Debug, Default)]
pub(super) struct Own {
    listed: HashSet<String>,
    people: OnceLock<Arc<Words>>,
}

impl Own {
    /// One symbol a line; blank lines and lines that begin with `#` are passed over.
    pub(super) fn read(text: &str) -> Self {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        Self { listed: lines.map(str::to_owned).collect(), people: OnceLock::new() }
    }

    /// Told when the stage is opened: a symbol of the form alone must name nobody of the inputs, nor of the listed names.
    pub(super) fn meet(&self, people: &Arc<Words>) {
        self.people.get_or_init(|| people.clone());
    }

    /// Digits may be as many as the form allows.
    fn names_somebody(&self, text: &str) -> bool {
        let flaw = self.people.get().and_then(|words| words.flaw(text));
        flaw.is_some_and(|flaw| flaw.pattern().id != "long-number")
    }

    /// In order, for a specification.
    pub(super) fn sorted(&self) -> Vec<&str> {
        let mut all: Vec<&str> = self.listed.iter().map(String::as_str).collect();
        all.sort_unstable();
        all
    }
}

/// Judges symbols.
#[derive(Debug)]
pub(super) struct Symbols {
    pub own: Arc<Own>,
    /// The form of a symbol.
    pub form: Regex,
}

impl Symbols {
    /// Is it approved? `beside`: does an accession stand in the same entry, so that the form is enough where it names nobody? Other
    /// species write human symbols in other cases.
    pub(super) fn fits(&self, text: &str, beside: bool) -> bool {
        let fitting = || self.knows(&text.to_ascii_uppercase()) || !self.own.names_somebody(text);
        self.knows(text) || beside && self.form.is_match(text) && fitting()
    }

    /// A symbol, or two that SnpEff joins by a hyphen.
    fn knows(&self, text: &str) -> bool {
        let one = |text: &str| {
            let form = UNNAMED_FORM.as_ref();
            LISTED.contains(text) || self.own.listed.contains(text) || form.is_some_and(|form| form.is_match(text))
        };
        let end = |text: &str| matches!(text, "CHR_START" | "CHR_END") || one(text);
        one(text)
            || text.match_indices('-').any(
                |(at, _)| matches!((text.get(..at), text.get(at + 1..)), (Some(left), Some(right)) if end(left) && end(right)),
            )
    }
}

/// Does the text say which gene is meant?
pub(super) fn is_accession(text: &str) -> bool {
    ACCESSION_FORM.as_ref().is_some_and(|form| form.is_match(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_is_not_enough_for_a_name() {
        let symbols = Symbols { own: Arc::default(), form: whole("[A-Za-z][A-Za-z0-9]{0,14}").unwrap() };
        assert!(symbols.fits("KRUGVOLTT", true), "no run has begun");
        symbols.own.meet(&Arc::new(Words::new(["Krugvoltt-7"], Default::default()).unwrap()));
        for name in ["KRUGVOLTT", "krugvoltt", "MARTINEZ", "Hernandez"] {
            assert!(!symbols.fits(name, true), "{name}");
        }
        for symbol in ["BRCA1", "Brca1", "Gm12345", "QQQZX9"] {
            assert!(symbols.fits(symbol, true), "{symbol}");
        }
    }

    #[test]
    fn a_symbol_is_approved_or_stands_beside_an_accession() {
        let symbols = Symbols { own: Arc::new(Own::read("# ours\nMyGene1\n\n")), form: whole("[A-Z][A-Z0-9]{0,14}").unwrap() };
        for symbol in [
            "BRCA1",
            "TP53",
            "HLA-DRB1",
            "C9orf72",
            "MT-CO1",
            "MyGene1",
            "RP11-34P13.7",
            "LOC126862571",
            "AC012345.1",
            "CHR_START-DDX11L1",
            "BRCA1-TP53",
        ] {
            assert!(symbols.fits(symbol, false), "{symbol}");
        }
        for other in ["ZIMMERWALDT", "ROE", "BRCA1-ROE", "NAME", "", "Jane", "brca1"] {
            assert!(!symbols.fits(other, false), "{other}");
        }
        assert!(symbols.fits("KRASX", true) && !symbols.fits("Jane Roe", true));
        assert!(is_accession("ENSG00000141510.12") && is_accession("NM_000546") && !is_accession("ROE") && !is_accession("7157"));
    }

    #[test]
    fn the_list_is_in_order() {
        let all: Vec<&str> = SHIPPED.lines().collect();
        assert!(all.is_sorted() && all.len() > 50_000);
    }
}
