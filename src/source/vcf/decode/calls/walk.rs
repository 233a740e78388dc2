//! Walking the sample columns of a line without parsing calls: which are kept, passing others over, telling reference calls. It
//! must not know fields or builders.

use crate::source::vcf::find::{find, find_two};

/// Neighbouring sample columns that are kept.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Run {
    /// Columns between the run before and this one.
    pub skip: usize,
    /// Columns of the run.
    pub keep: usize,
    /// Index of the first among the samples that are kept.
    pub first: usize,
}

/// The kept columns, neighbours together. Samples that are kept are numbered in the order of their columns.
pub(super) fn runs(samples: &[Option<u32>]) -> Vec<Run> {
    let (mut runs, mut from) = (Vec::<Run>::new(), 0);
    for (column, first) in samples.iter().enumerate().filter_map(|(column, kept)| Some((column, (*kept)? as usize))) {
        match runs.last_mut() {
            Some(run) if from == column => run.keep += 1,
            _ => runs.push(Run { skip: column - from, keep: 1, first }),
        }
        from = column + 1;
    }
    runs
}

/// What is behind `columns` columns and the tab that ends each. `Err`: the text has fewer tabs, this many.
#[inline]
pub(super) fn pass(text: &[u8], columns: usize) -> Result<&[u8], usize> {
    if columns == 1 {
        return find(b'\t', text).map(|at| &text[at + 1..]).ok_or(0);
    }
    let (mut rest, mut wanted) = (text, columns);
    // Tabs of a block are counted without a branch a byte; only the block that holds the last one is looked at closely.
    while let Some((block, behind)) = rest.split_first_chunk::<64>() {
        let tabs = block.iter().map(|byte| u8::from(*byte == b'\t')).sum::<u8>();
        if usize::from(tabs) >= wanted {
            break;
        }
        wanted -= usize::from(tabs);
        rest = behind;
    }
    while wanted > 0 {
        match find(b'\t', rest) {
            Some(at) => rest = &rest[at + 1..],
            None => return Err(columns - wanted),
        }
        wanted -= 1;
    }
    Ok(rest)
}

/// Columns of a text that has at least one.
#[inline]
pub(super) fn count(text: &[u8]) -> usize {
    1 + memchr::memchr_iter(b'\t', text).count()
}

/// Where the part `nth` of the call at the front of `text` begins; `None` when the call ends before.
#[inline]
pub(super) fn part(text: &[u8], nth: usize) -> Option<&[u8]> {
    let mut rest = text;
    for _ in 0..nth {
        let end = end_of_part(rest);
        if rest.get(end) != Some(&b':') {
            return None;
        }
        rest = &rest[end + 1..];
    }
    Some(rest)
}

/// Where the part at the front of `text` ends: at a `:`, a tab or the text's end.
#[inline]
pub(super) fn end_of_part(text: &[u8]) -> usize {
    find_two(b':', b'\t', text).unwrap_or(text.len())
}

/// How many of at most `most` calls at the front are `0|0` or `0/0` and nothing else, each with the tab behind it. Eight at
/// a time: in a cohort nearly all are.
#[inline]
pub(super) fn reference_calls(text: &[u8], most: usize) -> usize {
    const PHASED: [u8; 32] = *b"0|0\t0|0\t0|0\t0|0\t0|0\t0|0\t0|0\t0|0\t";
    const UNPHASED: [u8; 32] = *b"0/0\t0/0\t0/0\t0/0\t0/0\t0/0\t0/0\t0/0\t";
    let text = &text[..text.len().min(most.saturating_mul(4))];
    let (eights, _) = text.as_chunks::<32>();
    let passed = 8 * eights.iter().take_while(|eight| **eight == PHASED || **eight == UNPHASED).count();
    let (ones, _) = text[passed * 4..].as_chunks::<4>();
    passed + ones.iter().take_while(|one| **one == *b"0|0\t" || **one == *b"0/0\t").count()
}

/// Is every allele of the genotype at the front of `text` the reference? Missing alleles and absent genotypes are not, and
/// neither is what is no genotype: it is to be parsed and complained about.
#[inline]
pub(super) fn is_reference(text: &[u8]) -> bool {
    if let [b'0', b'/' | b'|', b'0', b':' | b'\t', ..] = text {
        return true;
    }
    let mut rest = match text {
        [b'/' | b'|', rest @ ..] => rest,
        text => text,
    };
    loop {
        let zeros = rest.iter().take_while(|byte| **byte == b'0').count();
        if zeros == 0 {
            return false;
        }
        match &rest[zeros..] {
            [] | [b':' | b'\t', ..] => return true,
            [b'/' | b'|', more @ ..] => rest = more,
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn neighbouring_columns_are_one_run() {
        let run = |skip, keep, first| Run { skip, keep, first };
        assert_eq!(runs(&[Some(0), Some(1), Some(2)]), [run(0, 3, 0)]);
        assert_eq!(runs(&[None, Some(0), Some(1), None, None, Some(2), None]), [run(1, 2, 0), run(2, 1, 2)]);
        assert_eq!(runs(&[None, None]), []);
    }

    #[test]
    fn reference_genotypes() {
        for (call, reference) in [
            ("0/0", true),
            ("0|0:12", true),
            ("0/0\t1", true),
            ("0", true),
            ("0/0/0", true),
            ("/0/0", true),
            ("|0", true),
            ("00/0", true),
            ("0/1", false),
            ("./.", false),
            (".", false),
            ("0/.", false),
            ("10", false),
            ("", false),
            (":0/0", false),
            ("0/", false),
            ("0//0", false),
            ("|", false),
            ("0x", false),
        ] {
            assert_eq!(is_reference(call.as_bytes()), reference, "{call}");
        }
    }

    #[test]
    fn reference_calls_are_counted_up_to_the_first_other() {
        let text = format!("{}0/1\t0|0\t0|0", "0|0\t".repeat(13));
        assert_eq!(reference_calls(text.as_bytes(), usize::MAX), 13);
        assert_eq!(reference_calls(text.as_bytes(), 9), 9);
        assert_eq!(reference_calls(text.as_bytes(), 0), 0);
        assert_eq!(reference_calls(b"0|0", 5), 0);
        assert_eq!(reference_calls(b"0|0\t0/0\t0|0:1\t", 5), 2);
    }

    proptest! {
        #[test]
        fn columns_are_passed_as_a_plain_split_passes_them(
            columns in prop::collection::vec("[01/|:.]{0,9}", 1..90), wanted in 0usize..100,
        ) {
            let text = columns.join("\t");
            prop_assert_eq!(count(text.as_bytes()), columns.len());
            let expected = if wanted < columns.len() { Ok(columns[wanted..].join("\t")) } else { Err(columns.len() - 1) };
            prop_assert_eq!(pass(text.as_bytes(), wanted).map(|rest| String::from_utf8(rest.to_vec()).unwrap()), expected);
        }

        #[test]
        fn parts_are_those_of_a_plain_split(call in "[01:]{0,12}", behind in "(\t[01:]{0,3})?", nth in 0usize..6) {
            let text = format!("{call}{behind}");
            let parts: Vec<&str> = call.split(':').collect();
            let found = part(text.as_bytes(), nth).map(|text| &text[..end_of_part(text)]);
            prop_assert_eq!(found, parts.get(nth).map(|part| part.as_bytes()));
        }
    }
}
