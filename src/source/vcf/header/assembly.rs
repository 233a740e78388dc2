//! Which human assembly the contig lengths say this is. It must not guess from `##reference`, from `assembly=` or from file
//! names: these are written by hand and carried along.

use super::model::Contig;

/// Lengths of chromosomes 1 to 22, X and Y (NCBI assembly reports GCF_000001405.25, GCF_000001405.40, GCF_009914755.1). No two
/// are the same.
const ASSEMBLIES: [(&str, [u64; 24]); 3] = [
    (
        "GRCh37",
        [
            249250621, 243199373, 198022430, 191154276, 180915260, 171115067, 159138663, 146364022, 141213431, 135534747,
            135006516, 133851895, 115169878, 107349540, 102531392, 90354753, 81195210, 78077248, 59128983, 63025520, 48129895,
            51304566, 155270560, 59373566,
        ],
    ),
    (
        "GRCh38",
        [
            248956422, 242193529, 198295559, 190214555, 181538259, 170805979, 159345973, 145138636, 138394717, 133797422,
            135086622, 133275309, 114364328, 107043718, 101991189, 90338345, 83257441, 80373285, 58617616, 64444167, 46709983,
            50818468, 156040895, 57227415,
        ],
    ),
    (
        "T2T-CHM13",
        [
            248387328, 242696752, 201105948, 193574945, 182045439, 172126628, 160567428, 146259331, 150617247, 134758134,
            135127769, 133324548, 113566686, 101161492, 99753195, 96330374, 84276897, 80542538, 61707364, 66210255, 45090682,
            51324926, 154259566, 62460029,
        ],
    ),
];

/// What a header without known lengths has.
pub(crate) const UNKNOWN: &str = "unknown";

/// GRCh37, GRCh38, T2T-CHM13, or `unknown`: no length is one of theirs, or lengths contradict each other. A chromosome counts
/// by its length whatever it is called (`chr1`, `1`, `NC_000001.11`); one called like a chromosome must have a length of its own.
pub(super) fn of(contigs: &[Contig]) -> &'static str {
    let mut found = None;
    for contig in contigs {
        let Some(length) = contig.length else { continue };
        let place =
            ASSEMBLIES.iter().find_map(|(name, lengths)| Some((*name, lengths.iter().position(|known| *known == length)?)));
        match (place, chromosome(&contig.id)) {
            (None, None) => {}
            (Some((name, _)), None) if found.is_none_or(|found| found == name) => found = Some(name),
            (Some((name, at)), Some(number)) if at == number && found.is_none_or(|found| found == name) => found = Some(name),
            _ => return UNKNOWN,
        }
    }
    found.unwrap_or(UNKNOWN)
}

/// The index of a chromosome that is called by its number or letter.
fn chromosome(id: &str) -> Option<usize> {
    let bare = id.get(..3).filter(|prefix| prefix.eq_ignore_ascii_case("chr")).map_or(id, |_| &id[3..]);
    match bare {
        "X" => Some(22),
        "Y" => Some(23),
        number => number.parse::<usize>().ok().filter(|n| (1..=22).contains(n) && n.to_string() == number).map(|n| n - 1),
    }
}

/// The first two inputs (1-based) of different known assemblies.
pub(crate) fn conflict<'a>(assemblies: impl Iterator<Item = &'a str>) -> Option<[(usize, &'a str); 2]> {
    let mut known = assemblies.enumerate().map(|(i, name)| (i + 1, name)).filter(|(_, name)| *name != UNKNOWN);
    let first = known.next()?;
    known.find(|(_, name)| *name != first.1).map(|other| [first, other])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_lengths(contigs: &[(&str, u64)]) -> &'static str {
        let contigs: Vec<Contig> =
            contigs.iter().map(|(id, length)| Contig { id: (*id).into(), length: Some(*length) }).collect();
        of(&contigs)
    }

    /// Defect 14 of the predecessor: the assembly was hard-coded.
    #[test]
    fn lengths_decide_whatever_the_names() {
        assert_eq!(of_lengths(&[("M", 1), ("chr1", 248_956_422), ("HLA-A*01:01", 3503)]), "GRCh38");
        assert_eq!(of_lengths(&[("1", 249_250_621), ("MT", 16569)]), "GRCh37");
        assert_eq!(of_lengths(&[("chr22", 50_818_468)]), "GRCh38");
        assert_eq!(of_lengths(&[("NC_060925.1", 248_387_328), ("CP086569.2", 62_460_029)]), "T2T-CHM13");
        assert_eq!(of(&[Contig { id: "1".into(), length: None }]), UNKNOWN);
    }

    #[test]
    fn contradictions_and_other_species_are_unknown() {
        assert_eq!(of_lengths(&[("1", 195_471_971), ("2", 182_113_224)]), UNKNOWN);
        assert_eq!(of_lengths(&[("chr1", 248_956_422), ("chr2", 243_199_373)]), UNKNOWN);
        assert_eq!(of_lengths(&[("chr1", 248_956_422), ("chrY", 5)]), UNKNOWN);
        assert_eq!(of_lengths(&[("chr2", 248_956_422)]), UNKNOWN);
        assert_eq!(of_lengths(&[]), UNKNOWN);
    }

    #[test]
    fn no_length_says_two_things() {
        let mut all: Vec<u64> = ASSEMBLIES.iter().flat_map(|(_, lengths)| lengths).copied().collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 72);
    }

    #[test]
    fn unknown_ones_mix_with_anything() {
        assert_eq!(conflict(["unknown", "GRCh38", "unknown", "GRCh38"].into_iter()), None);
        assert_eq!(conflict(["unknown", "GRCh38", "GRCh37"].into_iter()), Some([(2, "GRCh38"), (3, "GRCh37")]));
    }
}
