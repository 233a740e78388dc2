//! The forms an allele has (VCF 4.5 sections 1.6.1 and 5.4): bases, `*`, symbols, breakends. It must not know headers, nor judge a
//! contig's name.

/// An allele taken apart as far as it holds words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// Bases and fixed words: nothing in it is anybody's.
    Plain,
    /// The inside of `<…>`, which the specification does not know.
    Symbol(&'a str),
    /// A breakend, or a contig that is inserted whole, with the contig's name.
    Contig(&'a str),
    /// Anything else.
    Other,
}

/// Types and subtypes of symbolic alleles: the specification's, and those that callers have always written.
pub(super) const SYMBOLS: &[&str] = &[
    "*",
    "ALU",
    "BND",
    "CNV",
    "CPX",
    "CTX",
    "DEL",
    "DISPERSED",
    "DUP",
    "FORWARD",
    "GAIN",
    "HERV",
    "HERVK",
    "INS",
    "INT",
    "INV",
    "INVDUP",
    "ISP",
    "ITX",
    "L1",
    "LINE1",
    "LOSS",
    "M",
    "MCNV",
    "ME",
    "MT",
    "NON_REF",
    "NUMT",
    "PALINDROME",
    "REF",
    "REVERSE",
    "SVA",
    "TANDEM",
    "TDUP",
    "TR",
    "TRA",
    "UNK",
    "X",
];

/// Takes one allele apart (not a list of them).
pub(super) fn form(allele: &str) -> Form<'_> {
    if matches!(allele, "*" | "." | "-" | "X") || is_bases(allele) {
        return Form::Plain;
    }
    if let Some(id) = allele.strip_prefix('<').and_then(|rest| rest.strip_suffix('>')) {
        return if id.split(':').all(is_symbol) { Form::Plain } else { Form::Symbol(id) };
    }
    let bases = allele.trim_matches('.');
    if allele.len() == bases.len() + 1 && is_bases(bases) {
        return Form::Plain;
    }
    breakend(allele).or_else(|| insertion(allele)).map_or(Form::Other, Form::Contig)
}

/// A, C, G, T, N in either case; a code of IUPAC for several bases alone, or one to three others: SHARMA is spelt with them.
fn is_bases(text: &str) -> bool {
    let mut codes = 0;
    for byte in text.bytes() {
        match byte.to_ascii_uppercase() {
            b'A' | b'C' | b'G' | b'T' | b'N' => {}
            b'R' | b'Y' | b'S' | b'W' | b'K' | b'M' | b'B' | b'D' | b'H' | b'V' => codes += 1,
            _ => return false,
        }
    }
    !text.is_empty() && (codes * 4 <= text.len() || text.len() == 1)
}

fn is_symbol(word: &str) -> bool {
    let numbered = |prefix: &str| {
        word.strip_prefix(prefix).is_some_and(|n| (1..=4).contains(&n.len()) && n.bytes().all(|byte| byte.is_ascii_digit()))
    };
    SYMBOLS.contains(&word) || numbered("CN") || numbered("STR")
}

/// The contig of `s]p]`, `s[p[`, `]p]s`, `[p[s`.
fn breakend(allele: &str) -> Option<&str> {
    let (first, last) = (allele.find(['[', ']'])?, allele.rfind(['[', ']'])?);
    if first == last || allele.as_bytes().get(first) != allele.as_bytes().get(last) {
        return None;
    }
    let (before, inside, behind) = (allele.get(..first)?, allele.get(first + 1..last)?, allele.get(last + 1..)?);
    let sequence = match (before, behind) {
        (sequence, "") | ("", sequence) => sequence,
        _ => return None,
    };
    let (contig, place) = inside.rsplit_once(':')?;
    let number = !place.is_empty() && place.bytes().all(|byte| byte.is_ascii_digit());
    let fits = number && (is_bases(sequence) || sequence == ".");
    fits.then(|| contig.strip_prefix('<').and_then(|contig| contig.strip_suffix('>')).unwrap_or(contig))
}

/// The contig of `C<ctg1>`.
fn insertion(allele: &str) -> Option<&str> {
    let (bases, rest) = allele.split_once('<')?;
    rest.strip_suffix('>').filter(|contig| is_bases(bases) && !contig.contains(['<', '>']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_allele() {
        for plain in [
            "A",
            "acgtN",
            "*",
            ".",
            "-",
            "R",
            "ACGTR",
            "<DEL>",
            "<DUP:TANDEM>",
            "<INS:ME:ALU>",
            "<NON_REF>",
            "<*>",
            "<X>",
            "<CN0>",
            "<STR12>",
            "<*:DEL>",
            "A.",
            ".A",
            "<CNV:TR>",
        ] {
            assert_eq!(form(plain), Form::Plain, "{plain}");
        }
        for (allele, contig) in [
            ("A[chr1:5[", "chr1"),
            ("]NAME:5]A", "NAME"),
            ("AGT]1:100]", "1"),
            ("A[<c>:7[", "c"),
            (".[13:1[", "13"),
            ("A[HLA-A*01:01:5[", "HLA-A*01:01"),
            ("C<ctg1>", "ctg1"),
            ("[1:100[A", "1"),
        ] {
            assert_eq!(form(allele), Form::Contig(contig), "{allele}");
        }
        assert_eq!(form("<ROE-JANE-1961>"), Form::Symbol("ROE-JANE-1961"));
        assert_eq!(form("<DEL:ROE>"), Form::Symbol("DEL:ROE"));
        assert_eq!(form("<>"), Form::Symbol(""));
        for other in [
            "Zimmerwaldt",
            "SHARMA",
            "KUMAR",
            "",
            "A T",
            "A[1[",
            "A[1:x[",
            "[1:5[",
            "A[1:5[A",
            "<DEL",
            "078-05-1120",
            "A..",
            "JANE<ctg1>",
            "ROE[1:5[",
        ] {
            assert_eq!(form(other), Form::Other, "{other}");
        }
    }
}
