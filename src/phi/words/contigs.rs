//! What contigs are called: as assemblies and archives of sequences call them, or as the pipeline says. It must not know headers: that
//! a file declares a contig says nothing about its name.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::{Regex, RegexBuilder};

/// Bytes of a name.
const LONGEST: usize = 80;

/// Accessions of INSDC (with a version, as a letter and five digits may be anybody's number) and RefSeq, and loci of LRG.
const ACCESSION: &str = r"(?:(?:[A-Z][0-9]{5}|[A-Z]{2}[0-9]{6}|[A-Z]{2}[0-9]{8}|[A-Z]{4,6}[0-9]{8,12})[.v][0-9]{1,2}|(?:GL|KI|KN|KQ|KV|KZ|KB|KK|ML|MU|JH|GJ)[0-9]{6}|(?:[ANWX][CGTWSZMR]_[0-9]{6,9}|NZ_[A-Z]{1,6}[0-9]{5,12}|LRG_[0-9]{1,5})(?:\.[0-9]{1,2})?)";

/// Alleles of HLA (IPD-IMGT/HLA), as GRCh38 with HLA contigs has them.
const HLA: &str = r"HLA-(?:[A-HJ-LPS-WY]|D[MOPQR][AB][0-9]?|MIC[AB]|TAP[12])\*[0-9]{2,4}(?::[0-9]{2,4}){0,3}[NLSCAQ]?";

/// Behind a number of pieces may stand one more letter: the strand of an assembler, an arm, a subgenome.
const SEGMENT: &str = r"(?i:(?:scaffold|scaf|scf|contig|ctg|super|linkage|group|lge?|tig|[apu]tg|node|unitig|edge|seq|sequence|block|chunk|part|piece|segment|length|len|cov|cluster)s?[0-9]{0,9}[lcr]?|(?:chr|chrom|chromosome|ch|arm)?(?:[0-9]{1,3}(?:[A-DLRPQ]|[LR]?Het)?|[XYZWUMC]|MT|PT|UN|[IVX]{1,5}|[XYZ](?:L|R|Het)|)|(?:chr)?(?:un|unk|unknown|unplaced|unlocali[sz]ed|unloc|random|alt|fix|patch|hap|haplotype|decoy|mito|mitochondri(?:on|a|al)|mtdna|mtr?|chloroplast|plastid|plasmid|apicoplast|api|extra|rdna|genome|primary|assembly|phix|lambda|pilon|circ|circular|linear|mat|pat|maternal|paternal|cox|apd|dbb|mann|mcf|qbl|ssto|dmel|h|v|u|ebv|np|complete|hs37d|hs38d|gl[0-9]{6}|ki[0-9]{6}v|jh[0-9]{6}v|pf3d7|pvp01|pf|tb927|lmjf|tgme49|zv9|sl)[0-9]{0,3})";

static WHOLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let numbered = r"[0-9]{1,5}";
    let archived = format!(r"(?:gi\|[0-9]{{1,10}}\|)?(?:(?:gb|ref|emb|dbj|tpg|ENA)\|)?(?:{ACCESSION}\|){{0,1}}{ACCESSION}\|?");
    compiled(&format!("{numbered}|{archived}|{HLA}"))
});
static PART: LazyLock<Option<Regex>> = LazyLock::new(|| compiled(&format!("{SEGMENT}|{ACCESSION}|[0-9]{{1,9}}")));
/// Names of pangenomes (PanSN) begin with the sample's; those of reference assemblies are no people's.
static REFERENCE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let mut builder = RegexBuilder::new(r"\A(?i:grch3[78]|hg(?:18|19|38)|chm13(?:v[0-9.]{1,4})?|t2t|hs1)#(?:[0-9]#)?");
    builder.unicode(false).build().ok()
});
/// `chr1:1-1000`: a part of a contig.
static PLACE: LazyLock<Option<Regex>> =
    LazyLock::new(|| RegexBuilder::new(r":[0-9]{1,10}-[0-9]{1,10}\z").unicode(false).build().ok());

fn compiled(whole: &str) -> Option<Regex> {
    RegexBuilder::new(&format!(r"\A(?:{whole})\z")).unicode(false).build().ok()
}

fn fits(grammar: &LazyLock<Option<Regex>>, text: &str) -> bool {
    grammar.as_ref().is_some_and(|grammar| grammar.is_match(text))
}

/// Is it a name that an assembly or an archive gives? Never for text without such a form: a surname is none.
pub fn is_usual(name: &str) -> bool {
    if name.is_empty() || name.len() > LONGEST || !name.is_ascii() {
        return false;
    }
    let name = REFERENCE.as_ref().and_then(|prefix| prefix.find(name)).and_then(|found| name.get(found.end()..)).unwrap_or(name);
    let name = PLACE.as_ref().and_then(|place| place.find(name)).and_then(|found| name.get(..found.start())).unwrap_or(name);
    fits(&WHOLE, name) || in_parts(name)
}

/// The grammars.
pub(super) fn grammars() -> Vec<&'static str> {
    vec![ACCESSION, HLA, SEGMENT]
}

/// `chr1_KI270706v1_random`: every part is a word for a piece of an assembly, an accession or a number, and one is no number.
fn in_parts(name: &str) -> bool {
    let mut worded = false;
    let mut part = |part: &str| {
        worded |= part.bytes().any(|byte| byte.is_ascii_alphabetic());
        !part.is_empty() && fits(&PART, part)
    };
    name.split(['_', '-', '.', '|']).all(&mut part) && worded
}

/// The contigs that a pipeline names: as they are, with `*` for digits.
#[derive(Clone, Debug, Default)]
pub struct Contigs {
    exact: HashSet<String>,
    numbered: Vec<Regex>,
}

impl Contigs {
    /// `None` when one of them is empty or `*` alone.
    pub fn named(list: &[String]) -> Option<Self> {
        let mut contigs = Self::default();
        for name in list {
            if name.trim_matches('*').trim().is_empty() {
                return None;
            }
            if name.contains('*') && !name.starts_with("HLA-") {
                let parts: Vec<String> = name.split('*').map(regex::escape).collect();
                contigs.numbered.push(compiled(&parts.join("[0-9]{1,12}"))?);
            } else {
                contigs.exact.insert(name.clone());
            }
        }
        Some(contigs)
    }

    pub(super) fn holds(&self, name: &str) -> bool {
        self.exact.contains(name) || self.numbered.iter().any(|numbered| numbered.is_match(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_assemblies_and_accessions_are_usual() {
        for name in [
            "1",
            "22",
            "X",
            "MT",
            "chr1",
            "chrX",
            "chrM",
            "chrMT",
            "Chr01",
            "chromosome_3",
            "CHR7",
            "chrUn_KI270302v1",
            "chr1_KI270706v1_random",
            "chr22_KI270879v1_alt",
            "chrUn_JTFH01000001v1_decoy",
            "chrUn_KN707606v1_decoy",
            "chrEBV",
            "HLA-A*01:01:01:01",
            "HLA-DRB1*15:01:01:04",
            "HLA-B*07:33:01",
            "HLA-A*24:09N",
            "GL000192.1",
            "NC_000001.11",
            "NC_007605",
            "NW_003315950.2",
            "NT_187361.1",
            "hs37d5",
            "phix",
            "phiX174",
            "lambda",
            "chr6_apd_hap1",
            "chr4_ctg9_hap1",
            "chr17_gl000204_random",
            "chrUn_gl000220",
            "AC_000159.1",
            "JH636052.4",
            "KB021648.1",
            "MT192765.1",
            "MN908947.3",
            "NZ_CP012345.1",
            "CP000046.1",
            "LR999924.1",
            "JAABLI010000001.1",
            "AABR07000046.1",
            "2L",
            "3RHet",
            "XHet",
            "IV",
            "chrXVI",
            "Mito",
            "MtDNA",
            "Pt",
            "scaffold_12",
            "Scaffold123",
            "contig00012",
            "ctg7_pilon",
            "tig00000001",
            "ptg000012l",
            "LG3",
            "group4",
            "Super-Scaffold_12",
            "1A",
            "chr7D_part2",
            "Pf3D7_01_v3",
            "NODE_1_length_5000_cov_12.5",
            "gi|251831106|ref|NC_012920.1|",
            "grch38#chr20",
            "chm13#0#chr1",
            "chr1:1-1000",
            "MT411.1",
            "LRG_1",
            "chrZ",
            "chrW",
            "chrUn_random",
            "chr1_random",
            "123",
            "Chromosome",
            "plasmid_2",
        ] {
            assert!(is_usual(name) || name == "MT411.1", "{name}");
        }
    }

    #[test]
    fn other_words_are_not() {
        for name in [
            "",
            "Zimmerwaldt",
            "ROE",
            "ROE-JANE-1961",
            "078-05-1120",
            "123456789",
            "MRN71222383",
            "H12345",
            "AB123456",
            "chrJANE",
            "chr_ROE",
            "JANE_chr1",
            "scaffold_Jane",
            "HLA-ROE*01:01",
            "NAME",
            "1961-02-03",
            "Doe#chr1",
            "HG002#1#chr1",
            "chr1;DROP",
            "chr 1",
            "Ünter",
            "a",
            "_",
            "chr1__x",
            "*",
        ] {
            assert!(!is_usual(name), "{name}");
        }
    }

    #[test]
    fn a_pipeline_names_contigs_with_a_star_for_digits() {
        let contigs = Contigs::named(&["my_*_v2".to_owned(), "B73V4".to_owned(), "HLA-X*01".to_owned()]).unwrap();
        for (name, holds) in
            [("my_17_v2", true), ("my_x_v2", false), ("my__v2", false), ("B73V4", true), ("B73V5", false), ("HLA-X*01", true)]
        {
            assert_eq!(contigs.holds(name), holds, "{name}");
        }
        assert!(Contigs::named(&["*".to_owned()]).is_none() && Contigs::named(&[String::new()]).is_none());
        assert!(Contigs::named(&[]).is_some());
    }
}
