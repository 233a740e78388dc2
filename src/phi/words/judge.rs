//! Whether a word may be kept and told. It must not know what becomes of one that may not.

use std::collections::HashSet;
use std::sync::LazyLock;

use base64::Engine;
use base64::alphabet::{STANDARD, URL_SAFE};
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use regex::{Regex, RegexBuilder};

use super::alleles::{self, Form};
use super::contigs::{self, Contigs};
use super::people::{self, People};
use super::pieces::cut;
use crate::crypto::digest::{hex, sha256};
use crate::error::Result;
use crate::phi::patterns::{LISTED_NAME, LONG_NUMBER, Pattern, SAMPLE_NAME};
use crate::phi::scanner::Scanner;

/// Digits in a row that may be somebody's number.
const LONG: usize = 7;
/// Letters and digits that may be a coded word.
const CODED: usize = 8;

/// Numbers of public databases, which say nothing about a person.
static PUBLIC: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let prefixes = r"(?:\b|_)(?:rs|ss|[end]s?sv|COS(?:[VMN]|MV|NV)|ENS(?:[A-Z]{3})?(?:GT|FM|[GTPER])R?|[NX][MRPCGTW]_|SO:|MONDO:|HP:|CCDS|UPI)[0-9]+";
    RegexBuilder::new(prefixes).unicode(false).build().ok()
});

/// Why a word is neither kept nor told.
#[derive(Clone, Copy, Debug)]
pub struct Flaw(Pattern);

impl Flaw {
    /// What was found, as detections are told.
    pub fn pattern(&self) -> &Pattern {
        &self.0
    }
}

/// What is known of the people who may be named in words, and which further words are good.
pub struct Words {
    scanner: &'static Scanner,
    people: People,
    contigs: Contigs,
    /// Symbolic alleles that headers declare and that name nobody.
    symbols: HashSet<String>,
}

impl Words {
    /// `names`: of the samples of all inputs. `contigs`: those that the pipeline names.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>, contigs: Contigs) -> Result<Self> {
        Ok(Self { scanner: Scanner::shared()?, people: People::new(names), contigs, symbols: HashSet::new() })
    }

    /// The same, knowing the symbolic alleles that headers declare, as far as they name nobody.
    pub fn declaring<'a>(mut self, symbols: impl IntoIterator<Item = &'a str>) -> Self {
        let good: HashSet<String> = symbols.into_iter().filter(|id| self.flaw(id).is_none()).map(str::to_owned).collect();
        self.symbols = good;
        self
    }

    /// Does the word, or one of its pieces, name somebody: by a pattern, a number, a sample's name or a common one? Also as base64
    /// and as hexadecimal digits.
    pub fn flaw(&self, word: &str) -> Option<Flaw> {
        self.plain_flaw(word).or_else(|| decoded(word).iter().find_map(|text| self.plain_flaw(text)))
    }

    fn plain_flaw(&self, word: &str) -> Option<Flaw> {
        let pieces = cut(word);
        let apart = pieces.iter().filter_map(|piece| word.get(piece.clone())).collect::<Vec<_>>().join("_");
        // A number that is written with `_` is the same with another sign; versions and dates are not worth the doubt.
        let dashed =
            || self.pattern(&apart.replace('_', "-")).filter(|pattern| pattern.severity >= crate::sensitive::Severity::High);
        let pattern = self.pattern(word).or_else(|| self.pattern(&apart)).or_else(dashed);
        let number =
            || pieces.iter().any(|piece| piece.len() >= LONG && word.as_bytes().get(piece.start).is_some_and(u8::is_ascii_digit));
        let found = match pattern {
            Some(pattern) => Some(pattern),
            None if self.people.names_sample(word, &pieces) => Some(SAMPLE_NAME),
            None if people::names_listed(word, &pieces) => Some(LISTED_NAME),
            None if number() && !is_public(word) => Some(LONG_NUMBER),
            None => None,
        };
        found.map(Flaw)
    }

    /// The gravest pattern.
    fn pattern(&self, text: &str) -> Option<Pattern> {
        let found = self.scanner.scan(text).into_iter().filter_map(|hit| self.scanner.patterns().get(hit.pattern));
        found.max_by_key(|pattern| pattern.severity).copied()
    }

    /// Is it a contig's name: an assembly's, an accession, or one that the pipeline names?
    pub fn is_contig(&self, name: &str) -> bool {
        self.contigs.holds(name) || contigs::is_usual(name) && !self.is_number(name)
    }

    /// `chr078-05-1120`
    fn is_number(&self, name: &str) -> bool {
        let apart = cut(name).into_iter().filter_map(|piece| name.get(piece)).collect::<Vec<_>>().join("_");
        self.pattern(&apart).is_some_and(|pattern| pattern.severity == crate::sensitive::Severity::Critical)
    }

    /// Is it an allele, and is no word in it anybody's?
    pub fn is_allele(&self, allele: &str) -> bool {
        match alleles::form(allele) {
            Form::Plain => true,
            Form::Symbol(id) => self.symbols.contains(id),
            Form::Contig(name) => self.is_contig(name),
            Form::Other => false,
        }
    }

    /// The same for every allele of a list, which commas separate (VCF 4.5 section 1.6.1).
    pub fn are_alleles(&self, list: &str) -> bool {
        list.split(',').all(|allele| self.is_allele(allele))
    }

    /// May a symbolic allele be declared: does the specification know it, or does it name nobody?
    pub fn is_symbol(&self, id: &str) -> bool {
        alleles::form(&format!("<{id}>")) == Form::Plain || self.flaw(id).is_none()
    }
}

/// The lists and grammars, digested: part of the identity of a load whose rows they decide about.
pub fn rules() -> String {
    let texts = [people::lists(), contigs::grammars(), alleles::SYMBOLS.to_vec()].concat();
    hex(&sha256(texts.join("\n").as_bytes()))
}

fn is_public(word: &str) -> bool {
    PUBLIC.as_ref().is_some_and(|public| {
        let left = public.replace_all(word, "");
        !cut(&left)
            .into_iter()
            .any(|piece| piece.len() >= LONG && left.as_bytes().get(piece.start).is_some_and(u8::is_ascii_digit))
    })
}

/// What a word says when it is base64, of either alphabet, or hexadecimal digits: text only.
fn decoded(word: &str) -> Vec<String> {
    let word = word.trim_end_matches('=');
    if word.len() < CODED {
        return Vec::new();
    }
    let lenient = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let base64 = [&STANDARD, &URL_SAFE].map(|alphabet| GeneralPurpose::new(alphabet, lenient).decode(word).ok());
    let digits: Option<Vec<u8>> = word
        .as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok())
        .collect();
    let texts = base64.into_iter().chain([digits]).flatten().filter_map(|bytes| String::from_utf8(bytes).ok());
    texts.filter(|text| text.len() >= 5 && !text.contains(char::is_control)).collect()
}

impl std::fmt::Debug for Words {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Words(of {} names)", self.people.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(names: &[&str], contigs: &[&str]) -> Words {
        let contigs: Vec<String> = contigs.iter().map(|name| (*name).to_owned()).collect();
        Words::new(names.iter().copied(), Contigs::named(&contigs).unwrap()).unwrap()
    }

    fn found(words: &Words, word: &str) -> &'static str {
        words.flaw(word).map_or("", |flaw| flaw.pattern().id)
    }

    #[test]
    fn a_word_is_refused_for_a_pattern_a_name_or_a_number_in_its_pieces() {
        let words = words(&["ZIMMERWALDT-7"], &[]);
        for (word, pattern) in [
            ("Doe_Jane_MRN71222383", "mrn"),
            ("DoeMRN71222383", "mrn"),
            ("x078_05_1120", "us-ssn"),
            ("AC_zimmerwaldt", "sample-name"),
            ("AC_Jane", "listed-name"),
            ("id=12345678", "long-number"),
            ("Um9lX0phbmU=", "listed-name"),
            ("Um9lX0phbmU", "listed-name"),
            ("526f655f4a616e65", "listed-name"),
            ("rs12345678", ""),
            ("ENSG00000141510", ""),
            ("NM_000546.6", ""),
            ("rs12345678_7654321", "long-number"),
            ("nightly-cohort", ""),
            ("batch=2026-03", ""),
            ("AC_nfe_female", ""),
        ] {
            assert_eq!(found(&words, word), pattern, "{word}");
        }
    }

    #[test]
    fn contigs_and_alleles_hold_no_word_of_the_file() {
        let words = words(&["ROE-JANE-1961"], &["myctg_*"]).declaring(["CGA_NOCALL", "ROE-JANE-1961", "DEL:JANE"]);
        for (name, good) in
            [("chr1", true), ("myctg_4", true), ("ROE-JANE-1961", false), ("chr078-05-1120", false), ("078-05-1120", false)]
        {
            assert_eq!(words.is_contig(name), good, "{name}");
        }
        for (allele, good) in [
            ("ACGT", true),
            ("<CGA_NOCALL>", true),
            ("<ROE-JANE-1961>", false),
            ("<DEL:JANE>", false),
            ("<DEL:X>", true),
            ("<UNDECLARED>", false),
            ("A[myctg_4:5[", true),
            ("A[NAME:5[", false),
            ("Zimmerwaldt", false),
        ] {
            assert_eq!(words.is_allele(allele), good, "{allele}");
        }
        assert!(words.are_alleles("A,<DEL>,*") && !words.are_alleles("A,ROE"));
    }

    /// The words of real files, beside the names of their own samples: `GENOGATE_TEST_DATA`.
    #[test]
    fn words_of_real_files_are_kept() {
        let Some(files) = crate::machine::real_files() else { return };
        let (mut seen, mut refused) = (0, std::collections::BTreeSet::new());
        for listed in files.iter().filter(|listed| listed.group == "real" && !listed.is_bcf) {
            let text = String::from_utf8_lossy(&crate::machine::inflated(&listed.path)).into_owned();
            let header = |line: &&str| line.starts_with("##");
            let columns = text.lines().find(|line| line.starts_with("#CHROM")).unwrap_or_default();
            let id = |line: &str| line.split(&['<', ',', '>'][..]).find_map(|part| part.strip_prefix("ID=")).map(str::to_owned);
            let symbols: Vec<String> =
                text.lines().take_while(header).filter(|line| line.starts_with("##ALT=")).filter_map(id).collect();
            let words =
                words(&columns.split('\t').skip(9).collect::<Vec<_>>(), &[]).declaring(symbols.iter().map(String::as_str));
            let mut judge = |kind: &str, word: &str, good: bool| {
                seen += 1;
                if !good {
                    refused.insert(format!("{kind}/{word} {} of {:?}", found(&words, word), listed.path.file_name()));
                }
            };
            for line in text.lines().take_while(header) {
                let (Some((key, _)), Some(id)) = (line.trim_start_matches('#').split_once("=<"), id(line)) else { continue };
                match key {
                    "INFO" | "FORMAT" | "FILTER" => judge(key, &id, words.flaw(&id).is_none()),
                    "ALT" => judge(key, &id, words.is_symbol(&id)),
                    "contig" => judge(key, &id, words.is_contig(&id)),
                    _ => {}
                }
            }
            let mut contig = "";
            for line in text.lines().filter(|line| !line.starts_with('#')) {
                let mut cells = line.split('\t');
                let (chrom, alleles) = (cells.next().unwrap_or_default(), cells.skip(2).take(2));
                if chrom != contig {
                    contig = chrom;
                    judge("CHROM", chrom, words.is_contig(chrom));
                }
                alleles.for_each(|cell| judge("allele", cell, words.are_alleles(cell)));
            }
        }
        assert!(seen > 100_000 && refused.is_empty(), "{} of {seen}: {refused:#?}", refused.len());
    }
}
