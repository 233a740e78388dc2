//! Which human assembly the contig lengths say this is. It must not guess from `##reference`, from `assembly=` or from file
//! names: these are written by hand and carried along.

use super::model::Contig;

/// Lengths of chromosomes 1 to 22, X and Y (NCBI assembly reports GCF_000001405.25, GCF_000001405.40, GCF_009914755.1). No two
/// are the same.
const ASSEMBLIES: [(&str, [u64; 24]); 3] = [
    (
        "GRCh37",
        [
            249_250_621,
            243_199_373,
            198_022_430,
            191_154_276,
            180_915_260,
            171_115_067,
            159_138_663,
            146_364_022,
            141_213_431,
            135_534_747,
            135_006_516,
            133_851_895,
            115_169_878,
            107_349_540,
            102_531_392,
            90_354_753,
            81_195_210,
            78_077_248,
            59_128_983,
            63_025_520,
            48_129_895,
            51_304_566,
            155_270_560,
            59_373_566,
        ],
    ),
    (
        "GRCh38",
        [
            248_956_422,
            242_193_529,
            198_295_559,
            190_214_555,
            181_538_259,
            170_805_979,
            159_345_973,
            145_138_636,
            138_394_717,
            133_797_422,
            135_086_622,
            133_275_309,
            114_364_328,
            107_043_718,
            101_991_189,
            90_338_345,
            83_257_441,
            80_373_285,
            58_617_616,
            64_444_167,
            46_709_983,
            50_818_468,
            156_040_895,
            57_227_415,
        ],
    ),
    (
        "T2T-CHM13",
        [
            248_387_328,
            242_696_752,
            201_105_948,
            193_574_945,
            182_045_439,
            172_126_628,
            160_567_428,
            146_259_331,
            150_617_247,
            134_758_134,
            135_127_769,
            133_324_548,
            113_566_686,
            101_161_492,
            99_753_195,
            96_330_374,
            84_276_897,
            80_542_538,
            61_707_364,
            66_210_255,
            45_090_682,
            51_324_926,
            154_259_566,
            62_460_029,
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
