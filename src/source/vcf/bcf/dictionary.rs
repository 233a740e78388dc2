//! The dictionaries that records refer to by number (VCF 4.5 sections 6.2.1 and 6.2.2). It must not know records.

use std::collections::HashSet;

use super::record::Frame;
use crate::error::{Error, Result};
use crate::flow::VcfType;
use crate::source::vcf::header::{self, Header};

/// More entries than this are no dictionary; a false IDX must not claim memory.
const MAX_ENTRIES: usize = 1 << 22;

/// What the numbers in one input's records mean.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dictionary {
    strings: Vec<Option<Box<str>>>,
    contigs: Vec<Option<Box<str>>>,
    /// Numbers of INFO keys that are flags.
    flags: Vec<i32>,
    /// Samples the header names.
    pub samples: usize,
    /// BCF 2.1.
    pub legacy: bool,
}

impl Dictionary {
    /// Reads the header's FILTER, INFO, FORMAT and contig lines: by their IDX, else in order of first appearance, behind
    /// PASS, which is always 0.
    pub(crate) fn of(header: &Header, legacy: bool) -> Result<Self> {
        let (mut strings, mut contigs) = (Entries::default(), Entries::default());
        strings.enter("PASS", None)?;
        for line in &header.lines {
            let Some(id) = &line.id else { continue };
            let list = match line.key.as_str() {
                "FILTER" | "INFO" | "FORMAT" => &mut strings,
                "contig" => &mut contigs,
                _ => continue,
            };
            list.enter(id, index(&line.value)?)?;
        }
        let flags = header.info.iter().filter(|info| info.kind == VcfType::Flag);
        let flags: HashSet<&str> = flags.map(|info| info.id.as_str()).collect();
        let (strings, contigs) = (strings.list, contigs.list);
        let flags =
            (0..).zip(&strings).filter(|(_, id)| id.as_deref().is_some_and(|id| flags.contains(id))).map(|(at, _)| at).collect();
        Ok(Self { strings, contigs, flags, samples: header.samples.len(), legacy })
    }

    /// What the input's records have in common.
    pub(crate) fn frame(&self) -> Frame {
        Frame { contigs: self.contigs.len(), strings: self.strings.len(), samples: self.samples }
    }

    /// The id of a FILTER, INFO or FORMAT.
    #[inline]
    pub(crate) fn string(&self, index: i32) -> Option<&str> {
        self.strings.get(usize::try_from(index).ok()?)?.as_deref()
    }

    /// The ids of FILTER, INFO and FORMAT by number.
    pub(crate) fn strings(&self) -> impl Iterator<Item = Option<&str>> {
        self.strings.iter().map(Option::as_deref)
    }

    /// The contigs' names by number; empty where a number has none.
    pub(crate) fn contig_names(&self) -> Vec<Box<[u8]>> {
        self.contigs.iter().map(|name| name.as_deref().unwrap_or_default().as_bytes().into()).collect()
    }

    /// Is this INFO key a flag? Any number stands for one.
    pub(crate) fn is_flag(&self, key: i32) -> bool {
        self.flags.binary_search(&key).is_ok()
    }

    #[inline]
    pub(crate) fn contig(&self, index: i32) -> Option<&str> {
        self.contigs.get(usize::try_from(index).ok()?)?.as_deref()
    }
}

/// The IDX of a header line.
fn index(value: &str) -> Result<Option<usize>> {
    let pairs = header::pairs(value).unwrap_or_default();
    let Some((_, text)) = pairs.iter().find(|(key, _)| key == "IDX") else { return Ok(None) };
    match text.trim().parse() {
        Ok(index) if index < MAX_ENTRIES => Ok(Some(index)),
        _ => Err(Error::input("an IDX of the BCF header is no number below 4194304").with_hint("rewrite the file with bcftools")),
    }
}

/// A dictionary being read.
#[derive(Default)]
struct Entries {
    list: Vec<Option<Box<str>>>,
    known: HashSet<Box<str>>,
}

impl Entries {
    fn enter(&mut self, id: &str, index: Option<usize>) -> Result<()> {
        // The same id as FILTER, INFO and FORMAT is one entry.
        let new = self.known.insert(id.into());
        let at = match index {
            Some(at) => at,
            None if new => self.list.len(),
            None => return Ok(()),
        };
        if at >= MAX_ENTRIES {
            return Err(Error::input("the BCF header has more than 4194304 entries"));
        }
        if at >= self.list.len() {
            self.list.resize(at + 1, None);
        }
        match self.list.get_mut(at) {
            Some(entry) if entry.as_deref().is_none_or(|known| known == id) => {
                *entry = Some(id.into());
                Ok(())
            }
            _ => Err(Error::input("two entries of the BCF header have the same IDX").with_hint("rewrite the file with bcftools")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dictionary(lines: &str) -> Result<Dictionary> {
        let text = format!("##fileformat=VCFv4.3\n{lines}#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tS\n");
        Dictionary::of(&Header::parse(text.as_bytes()).unwrap(), false)
    }

    fn strings(dictionary: &Dictionary) -> Vec<&str> {
        dictionary.strings().map(|id| id.unwrap_or("-")).collect()
    }

    #[test]
    fn order_of_appearance_with_pass_in_front() {
        let found = dictionary(
            "##INFO=<ID=DP,Number=1,Type=Integer>\n##contig=<ID=20>\n##FILTER=<ID=q10>\n##FILTER=<ID=PASS>\n\
             ##FORMAT=<ID=GT,Number=1,Type=String>\n##FORMAT=<ID=DP,Number=1,Type=Integer>\n##contig=<ID=X>\n##ALT=<ID=DEL>\n",
        )
        .unwrap();
        assert_eq!(strings(&found), ["PASS", "DP", "q10", "GT"]);
        assert_eq!((found.contig(0), found.contig(1), found.contig(2), found.contig(-1)), (Some("20"), Some("X"), None, None));
        assert_eq!((found.samples, found.string(1), found.string(4), found.string(-1)), (1, Some("DP"), None, None));
    }

    #[test]
    fn idx_decides_where_it_is() {
        let found = dictionary(
            "##INFO=<ID=B,Number=1,Type=Integer,Description=\"IDX=9,\",IDX=3>\n##FILTER=<ID=PASS,IDX=0>\n##FILTER=<ID=A,IDX=1>\n\
             ##FORMAT=<ID=B,Number=1,Type=Integer,IDX=3>\n##contig=<ID=2,IDX=1>\n##contig=<ID=1,IDX=0>\n",
        )
        .unwrap();
        assert_eq!(strings(&found), ["PASS", "A", "-", "B"]);
        assert_eq!((found.contig(0), found.contig(1)), (Some("1"), Some("2")));
    }

    #[test]
    fn a_false_idx_is_refused() {
        for lines in [
            "##INFO=<ID=A,Number=1,Type=Integer,IDX=4000000000>\n",
            "##INFO=<ID=A,Number=1,Type=Integer,IDX=-1>\n",
            "##INFO=<ID=A,Number=1,Type=Integer,IDX=0>\n",
            "##INFO=<ID=A,Number=1,Type=Integer,IDX=1>\n##FILTER=<ID=B,IDX=1>\n",
        ] {
            assert_eq!(dictionary(lines).unwrap_err().class(), crate::error::Class::Input, "{lines}");
        }
    }
}
