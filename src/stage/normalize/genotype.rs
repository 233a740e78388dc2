//! Rewrites GT text for one ALT allele (VCF 4.5 section 1.6.2). It must not know Arrow.

/// Appends `gt` with `alt` as `1` and every other allele but REF as `0`; `.`, separators and a leading phase stay. Text
/// that is no genotype is appended as it is.
pub(super) fn recode(gt: &str, alt: u32, out: &mut String) {
    let begin = out.len();
    let mut allele: Option<u32> = None;
    let flush = |allele: &mut Option<u32>, out: &mut String| {
        if let Some(number) = allele.take() {
            out.push(if number == alt { '1' } else { '0' });
        }
    };
    for c in gt.chars() {
        match c {
            '0'..='9' => {
                let digit = u32::from(c) - u32::from('0');
                allele = Some(allele.unwrap_or(0).saturating_mul(10).saturating_add(digit));
            }
            '.' | '/' | '|' => {
                flush(&mut allele, out);
                out.push(c);
            }
            _ => {
                out.truncate(begin);
                out.push_str(gt);
                return;
            }
        }
    }
    flush(&mut allele, out);
}

/// Number of alleles in a GT text.
pub(super) fn ploidy(gt: &str) -> u32 {
    let body = gt.strip_prefix(['/', '|']).unwrap_or(gt);
    if body.is_empty() { 0 } else { 1 + body.bytes().filter(|b| matches!(b, b'/' | b'|')).count() as u32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn genotypes_are_recoded_as_bcftools_norm_does() {
        for (gt, alt, wanted) in [
            ("0/0", 1, "0/0"),
            ("1/2", 1, "1/0"),
            ("1/2", 2, "0/1"),
            ("2|1", 2, "1|0"),
            ("./.", 1, "./."),
            (".", 1, "."),
            ("./3", 3, "./1"),
            ("2", 1, "0"),
            ("2", 2, "1"),
            ("0/1/2", 2, "0/0/1"),
            ("0|1/2|2", 2, "0|0/1|1"),
            ("/1|2", 1, "/1|0"),
            ("|12/10", 12, "|1/0"),
            ("12/1", 1, "0/1"),
            ("99999999999/1", 1, "0/1"),
            ("", 1, ""),
            ("a/1", 1, "a/1"),
            ("1/b", 1, "1/b"),
        ] {
            let mut out = String::from("x");
            recode(gt, alt, &mut out);
            assert_eq!(&out[1..], wanted, "{gt} for ALT {alt}");
        }
    }

    #[test]
    fn ploidy_counts_alleles() {
        assert_eq!(["0", "./.", "|0/1", "0/1/2", ""].map(ploidy), [1, 2, 2, 3, 0]);
    }
}
