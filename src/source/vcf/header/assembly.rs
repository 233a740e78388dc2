//! Which assembly the contig lengths say this is. It must not guess from names or file names.

use super::Contig;

/// Lengths of chromosome 1 (NCBI assembly reports GCF_000001405.25, GCF_000001405.40, GCF_009914755.1).
const CHROMOSOME_1: [(u64, &str); 3] = [(249_250_621, "GRCh37"), (248_956_422, "GRCh38"), (248_387_328, "T2T-CHM13")];

/// GRCh37, GRCh38, T2T-CHM13 or `unknown`.
pub(super) fn of(contigs: &[Contig]) -> &'static str {
    let first =
        contigs.iter().find(|contig| matches!(contig.id.as_str(), "1" | "chr1" | "CM000663.1" | "CM000663.2" | "CP068277.2"));
    let length = first.and_then(|contig| contig.length);
    CHROMOSOME_1.iter().find(|(known, _)| Some(*known) == length).map_or("unknown", |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_decide() {
        let contig = |id: &str, length| Contig { id: id.into(), length };
        assert_eq!(of(&[contig("M", Some(1)), contig("chr1", Some(248_956_422))]), "GRCh38");
        assert_eq!(of(&[contig("1", Some(249_250_621))]), "GRCh37");
        assert_eq!(of(&[contig("1", Some(5))]), "unknown");
        assert_eq!(of(&[contig("1", None)]), "unknown");
    }
}
