//! Which contigs and filters records use that no header line declares. It must not know other columns.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::odd::Odd;
use crate::phi::words::is_usual_contig;
use crate::source::vcf::hash::KeyMap;
use crate::source::vcf::header::Declared;

/// Kinds told apart by name; more are counted together.
const MOST: usize = 100;

/// Bytes of a name that is told.
const LONGEST: usize = 32;

/// Counts records with undeclared names. A name as in the record before costs one comparison.
pub(super) struct UndeclaredNames {
    declared: Arc<Declared>,
    contig: Last,
    filter: Last,
    unknown: BTreeMap<(&'static str, Box<[u8]>), u64>,
}

/// The text of the record before, and how many records in a row had it when it is unknown.
#[derive(Default)]
struct Last {
    text: Vec<u8>,
    unknown: bool,
    run: u64,
}

impl Last {
    fn start(&mut self, text: &[u8], unknown: bool) {
        self.text.clear();
        self.text.extend_from_slice(text);
        (self.unknown, self.run) = (unknown, u64::from(unknown));
    }
}

impl UndeclaredNames {
    pub(super) fn new(declared: Arc<Declared>) -> Self {
        Self { declared, contig: Last::default(), filter: Last::default(), unknown: BTreeMap::new() }
    }

    /// Takes a record's CHROM and FILTER.
    #[inline]
    pub(super) fn see(&mut self, chrom: &[u8], filter: &[u8]) {
        if self.contig.text == chrom {
            self.contig.run += u64::from(self.contig.unknown);
        } else {
            self.next_contig(chrom);
        }
        if self.filter.text == filter {
            self.filter.run += u64::from(self.filter.unknown);
        } else {
            self.next_filter(filter);
        }
    }

    #[cold]
    fn next_contig(&mut self, chrom: &[u8]) {
        settle(&mut self.unknown, &self.contig, "CHROM", &self.declared.filters);
        // `<ID>` names a contig of the assembly file (VCF 4.3 section 1.6.1), for which there may be no line.
        let unknown = !self.declared.contigs.is_empty() && !self.declared.contigs.contains_key(chrom) && !chrom.starts_with(b"<");
        self.contig.start(chrom, unknown);
    }

    #[cold]
    fn next_filter(&mut self, filter: &[u8]) {
        settle(&mut self.unknown, &self.filter, "FILTER", &self.declared.filters);
        let unknown = filter.split(|byte| *byte == b';').any(|name| is_unknown_filter(name, &self.declared.filters));
        self.filter.start(filter, unknown);
    }

    /// Field id, kind and count of what was seen.
    pub(super) fn oddities(&self) -> Vec<(String, Odd, u64)> {
        let mut unknown = self.unknown.clone();
        settle(&mut unknown, &self.contig, "CHROM", &self.declared.filters);
        settle(&mut unknown, &self.filter, "FILTER", &self.declared.filters);
        unknown
            .into_iter()
            .map(|((column, name), count)| match std::str::from_utf8(&name) {
                // A filter that no line declares may be any text.
                Ok(name) if column == "CHROM" && is_usual_contig(name) => (format!("{column}/{name}"), Odd::NoHeaderLine, count),
                _ => (column.to_owned(), Odd::NoHeaderLine, count),
            })
            .collect()
    }
}

fn is_unknown_filter(name: &[u8], filters: &KeyMap<()>) -> bool {
    !matches!(name, b"PASS" | b"." | b"" | b"0") && !filters.contains_key(name)
}

/// Books a finished run of equal texts.
fn settle(unknown: &mut BTreeMap<(&'static str, Box<[u8]>), u64>, last: &Last, column: &'static str, filters: &KeyMap<()>) {
    if !last.unknown {
        return;
    }
    let names = last.text.split(|byte| *byte == b';' && column == "FILTER");
    for name in names.filter(|name| column != "FILTER" || is_unknown_filter(name, filters)) {
        // One that is not told need not be kept.
        let name: Box<[u8]> = if name.len() > LONGEST || column == "FILTER" { Box::default() } else { name.into() };
        let full = unknown.len() >= MOST && !unknown.contains_key(&(column, name.clone()));
        *unknown.entry((column, if full { Box::default() } else { name })).or_default() += last.run;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn declared(contigs: &[&str], filters: &[&str]) -> Arc<Declared> {
        let name = |name: &&str| Box::from(name.as_bytes());
        let contigs = contigs.iter().map(|contig| (name(contig), None)).collect();
        Arc::new(Declared { contigs, filters: filters.iter().map(|filter| (name(filter), ())).collect() })
    }

    #[test]
    fn each_name_is_counted_once_a_record() {
        let mut undeclared = UndeclaredNames::new(declared(&["1"], &["q10"]));
        for (chrom, filter) in
            [("1", "PASS"), ("1", "q10;s50"), ("2", "q10;s50"), ("2", "s50;MRN0012345"), ("1", "."), ("<x>", "q10"), ("2", "s50")]
        {
            undeclared.see(chrom.as_bytes(), filter.as_bytes());
        }
        let found: Vec<_> = undeclared.oddities().into_iter().map(|(field, _, count)| (field, count)).collect();
        assert_eq!(found, [("CHROM/2".into(), 3), ("FILTER".into(), 5)]);
    }

    #[test]
    fn a_header_without_contig_lines_declares_none_and_misses_none() {
        let mut undeclared = UndeclaredNames::new(declared(&[], &[]));
        undeclared.see(b"chr7", b"PASS");
        assert!(undeclared.oddities().is_empty());
    }

    #[test]
    fn names_without_end_are_counted_together() {
        let mut undeclared = UndeclaredNames::new(declared(&["1"], &[]));
        (0..1000).for_each(|i| undeclared.see(format!("c{i}").as_bytes(), b"."));
        assert_eq!(undeclared.oddities().iter().map(|(_, _, count)| count).sum::<u64>(), 1000);
        assert_eq!(undeclared.oddities().len(), MOST + 1);
    }
}
