//! Sample columns: genotypes with depths and qualities that agree with them.
//! It must not know how genotypes were drawn.

use super::genotypes::{Genotype, number};
use super::random::Random;
use super::text::integer;

/// Which FORMAT fields are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fields {
    /// `GT:DP:GQ`
    Short,
    /// `GT:AD:DP:GQ:PL`
    Full,
}

/// The free-text FORMAT field that `phi` adds.
pub(super) const REMARK: &str = "RMK";

impl Fields {
    /// The FORMAT column.
    pub(super) fn format(self, remark: bool) -> &'static str {
        match (self, remark) {
            (Fields::Short, false) => "GT:DP:GQ",
            (Fields::Short, true) => "GT:DP:GQ:RMK",
            (Fields::Full, false) => "GT:AD:DP:GQ:PL",
            (Fields::Full, true) => "GT:AD:DP:GQ:PL:RMK",
        }
    }

    /// `(ID, Number, Type, Description)` of the fields.
    pub(super) fn definitions(self, remark: bool) -> Vec<(&'static str, &'static str, &'static str, &'static str)> {
        let all = [
            ("GT", "1", "String", "Genotype"),
            ("AD", "R", "Integer", "Reads of each allele"),
            ("DP", "1", "Integer", "Read depth"),
            ("GQ", "1", "Integer", "Genotype quality, Phred-scaled"),
            ("PL", "G", "Integer", "Genotype likelihoods, Phred-scaled"),
            (REMARK, "1", "String", "Free-text remark"),
        ];
        let written: Vec<_> = self.format(remark).split(':').collect();
        all.into_iter().filter(|(id, ..)| written.contains(id)).collect()
    }
}

/// Writes the calls of one record.
pub(super) struct Writer<'a> {
    pub(super) fields: Fields,
    /// Alternates of the site.
    pub(super) alts: usize,
    /// Are the genotypes phased?
    pub(super) phased: bool,
    /// The file has a free-text field, and this is what one sample's says.
    pub(super) remark: Option<(usize, &'a str)>,
    pub(super) remarks: bool,
}

impl Writer<'_> {
    /// Appends a tab and the call of sample number `index`.
    pub(super) fn write(&self, out: &mut Vec<u8>, random: &mut Random, index: usize, genotype: Genotype) {
        let remark = self.remark.filter(|(at, _)| *at == index).map(|(_, text)| text);
        let slash = if self.phased { b'|' } else { b'/' };
        out.push(b'\t');
        match genotype {
            Genotype::None => out.push(b'.'),
            Genotype::Missing(1) => out.push(b'.'),
            Genotype::Missing(_) => out.extend_from_slice(&[b'.', slash, b'.']),
            Genotype::Haploid(a) => out.push(b'0' + a),
            Genotype::Diploid(a, b) if self.phased => out.extend_from_slice(&[b'0' + a, slash, b'0' + b]),
            // Without phase the order says nothing; callers write the smaller number first.
            Genotype::Diploid(a, b) => out.extend_from_slice(&[b'0' + a.min(b), slash, b'0' + a.max(b)]),
        }
        match (genotype, self.fields) {
            (Genotype::None | Genotype::Missing(_), fields) => {
                // Trailing fields may be dropped (VCF 4.3, section 1.6.2); both ways occur.
                if remark.is_none() && random.bits() & 1 == 0 {
                    return;
                }
                out.extend_from_slice(if fields == Fields::Full { b":.:0:.:." } else { b":0:." });
            }
            (called, Fields::Short) => {
                let bits = random.wide();
                out.push(b':');
                integer(out, u64::from(14 + (bits as u32).count_ones()));
                out.push(b':');
                integer(out, quality(bits, called));
            }
            (called, Fields::Full) => self.full(out, random, called),
        }
        if self.remarks {
            out.push(b':');
            out.extend_from_slice(remark.unwrap_or(".").as_bytes());
        }
    }

    fn full(&self, out: &mut Vec<u8>, random: &mut Random, genotype: Genotype) {
        let depth = 10 + random.heads(44);
        let (a, b) = match genotype {
            Genotype::Diploid(a, b) => (a, b),
            Genotype::Haploid(a) => (a, a),
            Genotype::None | Genotype::Missing(_) => (0, 0),
        };
        let other = if a == b { 0 } else { random.heads(depth) };
        // Now and then a read shows an allele that is not there.
        let error = u32::from(random.chance(50_000));
        for allele in 0..=self.alts {
            out.push(if allele == 0 { b':' } else { b',' });
            let mut reads = 0;
            reads += if allele == usize::from(a) { depth - other - error.min(depth - other) } else { 0 };
            reads += if allele == usize::from(b) { other } else { 0 };
            reads += if allele == (usize::from(a) + 1) % (self.alts + 1) { error.min(depth - other) } else { 0 };
            integer(out, u64::from(reads));
        }
        out.push(b':');
        integer(out, u64::from(depth));
        // Likelihoods: 0 for the called genotype, growing with every allele that would be wrong.
        let step = 3 * depth / (1 + u32::from(a != b)) + random.below(10);
        let alleles = self.alts as u8 + 1;
        let distance = |x: u8, y: u8| match genotype {
            Genotype::Haploid(a) => 2 * u32::from(x != a),
            _ if number(x, y) == number(a, b) => 0,
            _ if x == a || y == a || x == b || y == b => 1,
            _ => 2,
        };
        let nearest = if matches!(genotype, Genotype::Haploid(_)) { 2 * step } else { step };
        out.push(b':');
        integer(out, u64::from(if self.alts == 0 { 99 } else { nearest.min(99) }));
        let mut separator = b':';
        for y in 0..alleles {
            for x in if matches!(genotype, Genotype::Haploid(_)) { y..=y } else { 0..=y } {
                out.push(std::mem::replace(&mut separator, b','));
                integer(out, u64::from(distance(x, y) * step));
            }
        }
    }
}

/// Mostly 99; heterozygotes are called with less confidence more often.
fn quality(bits: u64, genotype: Genotype) -> u64 {
    let doubt = if matches!(genotype, Genotype::Diploid(a, b) if a != b) { 48 } else { 16 };
    if (bits >> 56) < doubt { (bits >> 40) % 99 } else { 99 }
}
