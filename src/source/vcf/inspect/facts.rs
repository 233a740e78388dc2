//! What one input says about itself: its container, its header, the fields its first records use, and from where on it has
//! records. It must not know other inputs: they may be looked at at the same time.

use std::collections::HashSet;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

use super::number::units_of;
use crate::error::{Error, Result};
use crate::source::vcf::bcf::{self, Dictionary};
use crate::source::vcf::config::Conformance;
use crate::source::vcf::header::{self, Header, infer};
use crate::source::vcf::held::{Held, Stamp};
use crate::source::vcf::input::Origin;
use crate::source::vcf::limits::Limits;
use crate::source::vcf::split::{
    Access, BgzfCut, Container, Cut, Fed, FromStart, Layout, Opened, PADDED, StreamText, TextBuf, count_units, open,
};
use crate::source::vcf::strict;

/// A unit of BGZF is a range of stored bytes: this share of the unit's text, as VCF compresses.
const BGZF_RATIO: u64 = 16;
/// Text behind the header that is looked at for undeclared fields.
const SAMPLE_BYTES: usize = 4 << 20;

/// What one input says about itself.
pub(crate) struct InputFacts {
    pub header: Header,
    /// What numbers in records mean, when the input is BCF.
    pub dictionary: Option<Arc<Dictionary>>,
    pub container: Container,
    pub origin: Origin,
    /// Stored bytes, when the input is a file.
    pub size: Option<u64>,
    /// By what a change of the file shows.
    pub stamp: Option<Stamp>,
    /// The file, when there is one that can be read.
    pub held: Option<Held>,
    /// No record is in it.
    pub empty: bool,
}

impl InputFacts {
    /// Stands for a file that cannot be read, so that the others keep their numbers.
    pub(crate) fn unreadable(path: Option<&Path>) -> Result<Self> {
        let header = Header::parse(b"##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")?;
        Ok(Self {
            header,
            dictionary: None,
            container: Container::Plain,
            origin: Origin::Unreadable,
            size: Some(0),
            stamp: path.and_then(Stamp::at),
            held: None,
            empty: true,
        })
    }
}

/// Looks at one input, `None` being standard input: reads its header and first records, and cuts it into units of `unit` bytes
/// of text.
pub(crate) fn inspect_input(path: Option<&Path>, unit: u64, conformance: Conformance, limits: &Limits) -> Result<InputFacts> {
    let mut front = Front::open(path, limits)?;
    let (mut header, dictionary, end) = front.header(conformance == Conformance::Strict, limits)?;
    front.infer(&mut header, dictionary.as_ref(), end)?;
    if front.file.as_ref().is_some_and(|(_, size, end)| end < size) {
        header.notices.push(format!("the file has {PADDED}"));
        header.oddities.push(("file".into(), PADDED, 1));
    }
    let (container, size, held) = (front.container, front.file.as_ref().map(|(_, size, _)| *size), front.held.take());
    let (dictionary, empty) = (dictionary.map(Arc::new), front.ended && front.text.len() == end);
    let stamp = size.and(held.as_ref()).map(|held| held.stamp);
    Ok(InputFacts { header, dictionary, container, origin: front.origin(end, unit)?, size, stamp, held, empty })
}

/// The front of an input, as far as it was read.
struct Front {
    container: Container,
    /// The minor version, when it is BCF.
    bcf: Option<u8>,
    /// The file, its size, and how much of it holds data; absent for what can be read only once.
    file: Option<(Arc<File>, u64, u64)>,
    held: Option<Held>,
    feed: Feed,
    text: TextBuf,
    /// Where stored blocks begin, and how much text lies before each.
    marks: Vec<(u64, u64)>,
    ended: bool,
}

/// Where more text comes from.
enum Feed {
    Blocks(BgzfCut),
    Stream(StreamText),
}

impl Front {
    fn open(path: Option<&Path>, limits: &Limits) -> Result<Self> {
        let Opened { container, bcf, access } = open(path)?;
        let (file, held, feed) = match access {
            Access::Stream(text) => {
                let held = if path.is_none() { Held::standard_input() } else { None };
                (None, held, Feed::Stream(text))
            }
            Access::File(file, size, end) => {
                let held = Held::of(file.clone(), path, Some(size))?;
                let from_start = || Box::new(FromStart::new(file.clone()));
                let feed = match container {
                    Container::Bgzf => {
                        let mut cut = BgzfCut::new(file.clone(), end);
                        cut.seek(0..end, true)?;
                        Feed::Blocks(cut)
                    }
                    Container::Gzip => Feed::Stream(StreamText::gzip(from_start())),
                    Container::Plain => Feed::Stream(StreamText::plain(from_start())),
                };
                (Some((file, size, end)), Some(held), feed)
            }
        };
        Ok(Self { container, bcf, file, held, feed, text: TextBuf::of_lines(limits.line), marks: vec![(0, 0)], ended: false })
    }

    /// Reads on, if there is more.
    fn feed(&mut self) -> Result<()> {
        self.ended = self.ended
            || match &mut self.feed {
                Feed::Stream(stream) => !stream.feed(&mut self.text)?,
                Feed::Blocks(cut) => {
                    let before = self.text.len() as u64;
                    let fed = cut.feed(&mut self.text)?;
                    if fed != Fed::End {
                        self.marks.push((cut.offset(), before));
                    }
                    fed == Fed::End
                }
            };
        Ok(())
    }

    /// The header, the dictionary of BCF, and how many bytes both take.
    fn header(&mut self, strict: bool, limits: &Limits) -> Result<(Header, Option<Dictionary>, usize)> {
        match self.bcf {
            Some(minor) => {
                let (header, dictionary, end) = self.binary_header(minor, strict, limits)?;
                Ok((header, Some(dictionary), end))
            }
            None => self.text_header(strict, limits).map(|(header, end)| (header, None, end)),
        }
    }

    fn text_header(&mut self, strict: bool, limits: &Limits) -> Result<(Header, usize)> {
        let mut enough = 0;
        loop {
            if self.text.len() >= enough || self.ended {
                if let Some(end) = header::end_of(self.text.waiting(), self.ended, limits)? {
                    let text = &self.text.waiting()[..end];
                    if strict {
                        strict::header::check(text)?;
                    }
                    let mut header = Header::parse(text)?;
                    if !text.ends_with(b"\n") {
                        header.notices.push("the file ends inside the `#CHROM` line, which has no line ending".into());
                    }
                    return Ok((header, end));
                }
                enough = self.text.len() + self.text.len() / 2;
            }
            self.feed()?;
        }
    }

    fn binary_header(&mut self, minor: u8, strict: bool, limits: &Limits) -> Result<(Header, Dictionary, usize)> {
        loop {
            if let Some((text, end)) = bcf::header(self.text.waiting(), limits)? {
                let (header, dictionary) = bcf::read_header(text, minor, limits)?;
                if strict {
                    strict::header::check_binary(text)?;
                }
                return Ok((header, dictionary, end));
            }
            if self.ended {
                return Err(bcf::header_cut());
            }
            self.feed()?;
        }
    }

    /// Adds to the header, which ends at `end`, what the first records use and it does not declare.
    fn infer(&mut self, header: &mut Header, dictionary: Option<&Dictionary>, end: usize) -> Result<()> {
        let found = |records: &[u8]| match dictionary {
            Some(_) => bcf::records(records).count(),
            None => memchr::memchr_iter(b'\n', records).count(),
        };
        while !self.ended && self.text.len() - end < SAMPLE_BYTES && found(&self.text.waiting()[end..]) < infer::SAMPLE {
            self.feed()?;
        }
        let text = self.text.waiting();
        match dictionary {
            Some(dictionary) => {
                let known: HashSet<&str> = header.formats.iter().map(|known| known.id.as_str()).collect();
                let declared = |id: &str| known.contains(id);
                let lines = bcf::lines(&text[end..], dictionary, header.minor >= 4, infer::SAMPLE, declared);
                infer::infer(header, &lines);
            }
            None => {
                let whole = memchr::memrchr(b'\n', text).map_or(0, |at| at + 1);
                let whole = if self.ended { text.len() } else { whole.max(end) };
                infer::infer(header, &text[end..whole]);
            }
        }
        Ok(())
    }

    /// Where the records come from, behind a header of `end` bytes.
    fn origin(mut self, end: usize, unit: u64) -> Result<Origin> {
        let Some((file, _, size)) = self.file else {
            self.text.take(end);
            let Feed::Stream(stream) = self.feed else { return Err(Error::internal("a stream is read in blocks of a file")) };
            return Ok(Origin::Stream(Mutex::new(Some((stream, self.text)))));
        };
        let end = end as u64;
        let (base, skip, step) = match self.container {
            Container::Gzip => return Ok(Origin::Gzip { file, header: end }),
            Container::Plain => (end, 0, unit),
            Container::Bgzf => {
                let (block, before) = self.marks.iter().rev().find(|(_, before)| *before <= end).copied().unwrap_or((0, 0));
                (block, end - before, (unit / BGZF_RATIO).max(1))
            }
        };
        let count = units_of(count_units(base, size, step))?;
        Ok(Origin::Ranged { file, layout: Layout { base, skip, step, size, count } })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::vcf::testing::{bgzf, vcf};

    #[test]
    fn inputs_may_be_looked_at_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        let texts: Vec<String> =
            (1..=8).map(|i| vcf(&format!("##contig=<ID={i}>\n"), &[], &[&format!("{i} 7 . A C . . N{i}=1")])).collect();
        let paths: Vec<_> = (0..texts.len()).map(|i| folder.path().join(i.to_string())).collect();
        paths.iter().zip(&texts).for_each(|(path, text)| std::fs::write(path, bgzf(text.as_bytes(), 40)).unwrap());
        let inspect = |path: &Path| inspect_input(Some(path), 1 << 20, Conformance::Lenient, &Limits::default()).unwrap();
        let found: Vec<InputFacts> = std::thread::scope(|scope| {
            let threads: Vec<_> = paths.iter().map(|path| scope.spawn(|| inspect(path))).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        for (i, (facts, text)) in (1..).zip(found.iter().zip(&texts)) {
            assert_eq!(facts.header.contigs[0].id, i.to_string());
            assert_eq!((facts.header.info[0].id.clone(), facts.header.info[0].inferred), (format!("N{i}"), true));
            let Origin::Ranged { layout, .. } = &facts.origin else { panic!("a file is read in ranges") };
            assert!(facts.container == Container::Bgzf && layout.count == 1 && Some(layout.size) == facts.size);
            assert!(layout.skip < 40 && text.len() > 40);
        }
    }
}
