//! What the warehouse calls a contig. It must not know tables or files.

use std::borrow::Cow;

/// The name under which a contig is found whatever its file calls it: `chr1` -> `1`, `chrM`, `M` and `chrMT` -> `MT`.
/// Only the human primary contigs are renamed; every other name stays as it is.
pub fn canonical_contig(chrom: &str) -> Cow<'_, str> {
    let bare = match chrom.get(..3) {
        Some(prefix) if prefix.eq_ignore_ascii_case("chr") => chrom.get(3..).unwrap_or_default(),
        _ => chrom,
    };
    match bare {
        "M" | "MT" => Cow::Borrowed("MT"),
        "X" | "Y" => Cow::Borrowed(bare),
        number if !number.starts_with(['0', '+']) && number.parse::<u8>().is_ok_and(|n| (1..=22).contains(&n)) => {
            Cow::Borrowed(number)
        }
        _ => Cow::Borrowed(chrom),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contigs() {
        for (raw, canonical) in [
            ("chr1", "1"),
            ("22", "22"),
            ("chrX", "X"),
            ("CHR7", "7"),
            ("M", "MT"),
            ("chrM", "MT"),
            ("chrMT", "MT"),
            ("23", "23"),
            ("chr23", "chr23"),
            ("chr01", "chr01"),
            ("chr1_KI270706v1_random", "chr1_KI270706v1_random"),
            ("HLA-A*01:01:01:01", "HLA-A*01:01:01:01"),
            ("chr", "chr"),
            ("é", "é"),
            ("chr+1", "chr+1"),
            ("2L", "2L"),
        ] {
            assert_eq!(canonical_contig(raw), canonical);
        }
    }
}
