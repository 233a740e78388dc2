//! What only a whole file shows: contigs in one block each, positions in order, no variant twice. It must not know single
//! values. Records must come in the file's order.

use std::collections::{BTreeMap, HashSet};

use super::alleles;
use super::fault::{At, Check, Fault, column};
use super::record::Record;
use crate::source::vcf::reason::Reason;

/// REF and one ALT.
type Alleles = (Vec<u8>, Vec<u8>);

/// What is remembered of the records before.
#[derive(Debug, Default)]
pub(super) struct Order {
    contig: Vec<u8>,
    done: HashSet<Vec<u8>>,
    pos: i64,
    /// Alleles of the contig that a later record could still repeat, by where they begin when they are written shortest.
    seen: BTreeMap<i64, HashSet<Alleles>>,
}

impl Order {
    pub(super) fn check<'a>(&mut self, record: &Record<'a>) -> Check<'a> {
        // `<ID>` and `ID` are one block: so the specification's own files have it.
        let contig = alleles::symbol(record.chrom).unwrap_or(record.chrom);
        if self.contig != contig {
            if self.done.contains(contig) {
                return Err(column("CHROM", Reason::ScatteredContig));
            }
            let before = std::mem::replace(&mut self.contig, contig.to_vec());
            self.done.insert(before);
            (self.pos, self.seen) = (0, BTreeMap::new());
        }
        if record.pos < self.pos {
            return Err(column("POS", Reason::Unsorted));
        }
        self.pos = record.pos;
        // The shortest form of an allele never begins before its record, so what lies behind is through.
        self.seen = self.seen.split_off(&record.pos);
        let written: Vec<_> =
            record.alts.iter().filter(|alt| alleles::is_sequence(alt)).map(|alt| shortest(record, alt)).collect();
        if written.iter().any(|(at, pair)| self.seen.get(at).is_some_and(|seen| seen.contains(pair))) {
            return Err(Fault { at: At::Record, reason: Reason::RepeatedVariant });
        }
        for (at, pair) in written {
            self.seen.entry(at).or_default().insert(pair);
        }
        Ok(())
    }
}

/// An allele without the bases that REF and ALT share at their ends.
fn shortest(record: &Record<'_>, alt: &[u8]) -> (i64, (Vec<u8>, Vec<u8>)) {
    let (mut reference, mut alt) = (record.reference.to_ascii_uppercase(), alt.to_ascii_uppercase());
    let same = reference.iter().rev().zip(alt.iter().rev()).take_while(|(a, b)| a == b).count();
    reference.truncate(reference.len() - same);
    alt.truncate(alt.len() - same);
    let same = reference.iter().zip(&alt).take_while(|(a, b)| a == b).count();
    (record.pos + same as i64, (reference.split_off(same), alt.split_off(same)))
}
