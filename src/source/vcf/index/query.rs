//! A file and what is asked of it: from regions to spans of the file, by an index that is held against the file first. It must
//! not know how an index is stored.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use super::flaw::Flaw;
use super::read::{self, Chunk, IndexSummary, Kind};
use crate::error::{Error, Result};
use crate::source::vcf::regions::{Overlap, Regions};
use crate::source::vcf::split::spans::{self, Contigs};
use crate::source::vcf::split::{Span, Spanned, Spans, UnitReader, Virtual};

/// Units that small work is divided into, so that several threads share it.
const SHARES: u64 = 8;
/// Stored bytes that are not divided further.
const SMALLEST: u64 = 128 << 10;
/// Contigs whose first records are looked at before the run.
const LOOKED_AT: usize = 64;

/// A failed read of the file itself, or a flaw of its index.
enum Failure {
    Flaw(Flaw),
    Error(Error),
}

impl From<Flaw> for Failure {
    fn from(flaw: Flaw) -> Self {
        Failure::Flaw(flaw)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Failure::Error(error)
    }
}

/// A file and what is asked of it.
pub(crate) struct IndexQuery<'a> {
    pub path: &'a Path,
    pub file: &'a Arc<File>,
    pub size: u64,
    /// The header's end, settled.
    pub header_end: Option<Virtual>,
    pub regions: &'a Regions,
    /// The names of contigs by their numbers in BCF; `None` in text.
    pub binary: Option<&'a [Box<[u8]>]>,
    /// The length of a contig, when the header declares it.
    pub length: &'a dyn Fn(&[u8]) -> Option<u64>,
    /// A record may reach further than an index knows: all before it is read, too.
    pub beyond: bool,
    /// Stored bytes a unit.
    pub step: u64,
    /// Bytes that a line, or a record, may have.
    pub longest: usize,
}

impl IndexQuery<'_> {
    /// The spans that hold all records of the regions, by the first index that can be used: `.csi` before `.tbi`, as htslib
    /// has it. Else the last one's flaw. An error only when the file itself cannot be read.
    pub(crate) fn spans(&self) -> Result<std::result::Result<Spans, Flaw>> {
        let mut flaw = Flaw::Missing;
        for kind in [Kind::Csi, Kind::Tbi] {
            let mut path = self.path.as_os_str().to_owned();
            path.push(format!(".{}", kind.name()));
            match self.by(&PathBuf::from(path), kind) {
                Ok(spans) => return Ok(Ok(spans)),
                Err(Failure::Flaw(Flaw::Missing)) => {}
                Err(Failure::Flaw(found)) => flaw = found,
                Err(Failure::Error(error)) => return Err(error),
            }
        }
        Ok(Err(flaw))
    }

    fn by(&self, path: &Path, kind: Kind) -> std::result::Result<Spans, Failure> {
        let unreadable = |error: std::io::Error| match error.kind() {
            std::io::ErrorKind::NotFound => Flaw::Missing,
            kind => Flaw::Unreadable(kind),
        };
        let index = File::open(path).map_err(unreadable)?;
        let modified = |file: &File| file.metadata().and_then(|data| data.modified()).map_err(unreadable);
        if seconds(modified(&index)?) < seconds(modified(self.file)?) {
            return Err(Flaw::Older.into());
        }
        let (mut names, mut numbers, mut found) = (Vec::new(), Vec::new(), Vec::new());
        let (mut cuts, mut joints) = (Vec::new(), Vec::new());
        let wanted = |name: &[u8]| !self.regions.of(name).is_empty();
        let whole = read::read(index, self.binary, &wanted, &mut |number, name, chunks, reach| {
            found.extend(self.ranges(names.len() as u32, name, chunks, reach)?);
            joints.extend(gaps(chunks.iter().map(|chunk| (chunk.first, chunk.last)).collect()));
            cuts.push(chunks.iter().map(|chunk| chunk.first).collect::<Vec<_>>());
            numbers.push(number);
            names.push(name.into());
            Ok(())
        })?;
        if whole.kind != kind {
            return Err(Flaw::Damaged("it does not begin as one").into());
        }
        joints.extend(gaps(whole.contigs.clone()));
        self.covers(&whole, &joints)?;
        let mut settled = Vec::with_capacity(found.len());
        for Span { begin, end, contig } in found {
            let (begin, end) = (self.settle(begin)?, self.settle(end)?);
            if begin < end {
                settled.push(Span { begin, end, contig });
            }
        }
        let spans = join(settled)?;
        let total: u64 = spans.iter().map(Span::cost).sum();
        let step = (total / SHARES).clamp(SMALLEST.min(self.step), self.step);
        let mut pieces = Vec::new();
        for span in spans {
            self.divide(span, cuts.get(span.contig as usize).map(Vec::as_slice).unwrap_or_default(), step, &mut pieces)?;
        }
        let contigs = if self.binary.is_some() { Contigs::Numbers(numbers) } else { Contigs::Names(names) };
        let spans = Spans {
            index: kind.name(),
            contigs: Arc::new(contigs),
            units: units(&pieces, step),
            spans: pieces,
            records: self.header_end.unwrap_or(Virtual::new(0, 0)),
            size: self.size,
        };
        self.look(&spans)?;
        Ok(spans)
    }

    /// One span a range of the contig.
    fn ranges(&self, contig: u32, name: &[u8], chunks: &[Chunk], reach: u64) -> std::result::Result<Vec<Span>, Flaw> {
        if (self.length)(name).is_some_and(|length| length > reach) {
            return Err(Flaw::Short);
        }
        let (first, last) = chunks.iter().fold((u64::MAX, 0), |(a, b), chunk| (a.min(chunk.first), b.max(chunk.last)));
        // Where the records of all bins end that end here or before, and where those begin that begin here or behind.
        let mut ends: Vec<_> = chunks.iter().map(|chunk| (chunk.end, chunk.last)).collect();
        ends.sort_unstable();
        ends.iter_mut().fold(0, |latest, (_, last)| {
            *last = latest.max(*last);
            *last
        });
        let mut begins: Vec<_> = chunks.iter().map(|chunk| (chunk.begin, chunk.first)).collect();
        begins.sort_unstable();
        begins.iter_mut().rev().fold(u64::MAX, |earliest, (_, first)| {
            *first = earliest.min(*first);
            *first
        });
        let back = if self.regions.overlap() == Overlap::Pos { Bins::default() } else { Bins::of(chunks) };
        let mut spans = Vec::new();
        for (begin, end) in self.regions.of(name) {
            // POS counts from 1; POS 0, the telomere, lies in the bins of POS 1.
            let (begin, end) = (u64::try_from(begin - 1).unwrap_or(0), u64::try_from(*end).unwrap_or(0).max(1));
            if begin >= reach {
                return Err(Flaw::Short);
            }
            let before = ends.partition_point(|(bin_end, _)| *bin_end <= begin).checked_sub(1);
            let from = before.and_then(|at| ends.get(at)).map_or(first, |(_, last)| *last);
            let behind = begins.partition_point(|(bin_begin, _)| *bin_begin < end);
            let to = begins.get(behind).map_or(last, |(_, first)| *first);
            if from < to {
                spans.push(Span { begin: Virtual(from), end: Virtual(to), contig });
            }
            // Records that begin before the range and reach into it are in bins that do so, too.
            let earlier = |first: u64, last: u64| Span { begin: Virtual(first), end: Virtual(last.min(from)), contig };
            match self.beyond && !back.is_empty() && first < from {
                true => spans.push(earlier(first, from)),
                false => spans.extend(back.over(begin, end).filter(|c| c.first < from).map(|c| earlier(c.first, c.last))),
            }
        }
        Ok(spans)
    }

    fn settle(&self, place: Virtual) -> std::result::Result<Virtual, Failure> {
        let settled = place.settle(self.file, self.size)?;
        settled.ok_or(Flaw::Misfit("it names places that the file does not have").into())
    }

    /// The index begins where the records begin, ends where the file ends, and leaves nothing out between: it is of this
    /// file, whole. `joints`: a place where something ends, and another where the next begins.
    fn covers(&self, whole: &IndexSummary, joints: &[(u64, u64)]) -> std::result::Result<(), Failure> {
        let end = Virtual::new(self.size, 0);
        let begin = self.header_end.unwrap_or(end);
        let first = whole.contigs.iter().map(|(first, _)| *first).min().map_or(Ok(end), |first| self.settle(Virtual(first)))?;
        let last = whole.contigs.iter().map(|(_, last)| *last).max().map_or(Ok(end), |last| self.settle(Virtual(last)))?;
        if first != begin {
            return Err(Flaw::Misfit("its first record is not the file's first").into());
        }
        if last != end {
            return Err(Flaw::Misfit("it does not reach the file's end").into());
        }
        for (end, begin) in joints {
            if self.settle(Virtual(*end))? != self.settle(Virtual(*begin))? {
                return Err(Flaw::Misfit("it leaves a part of the file out").into());
            }
        }
        Ok(())
    }

    /// Cuts a span into pieces of about `step` stored bytes: where chunks begin, else, in text, behind a line ending.
    fn divide(&self, span: Span, cuts: &[u64], step: u64, pieces: &mut Vec<Span>) -> std::result::Result<(), Failure> {
        let mut cuts: Vec<u64> = cuts.iter().copied().filter(|cut| (span.begin.0 + 1..span.end.0).contains(cut)).collect();
        cuts.sort_unstable();
        let mut rest = span;
        while rest.cost() > step + step / 2 {
            let target = rest.begin.block() + step;
            let at = cuts.partition_point(|cut| Virtual(*cut).block() < target);
            let is_near = |cut: &Virtual| self.binary.is_some() || cut.block() <= target + step;
            let near = cuts.get(at).map(|cut| Virtual(*cut)).filter(is_near);
            let near = match near {
                Some(cut) => self.settle(cut)?,
                None if self.binary.is_some() => rest.end,
                None => spans::line_start(self.file, self.size, target, rest.end)?.unwrap_or(rest.end),
            };
            if near <= rest.begin || near >= rest.end {
                break;
            }
            pieces.push(Span { end: near, ..rest });
            rest.begin = near;
        }
        pieces.push(rest);
        Ok(())
    }

    /// Reads the first records of the first spans as the run will.
    fn look(&self, table: &Spans) -> std::result::Result<(), Failure> {
        let mut seen = None;
        let first_of_contigs = table.spans.iter().filter(|span| seen.replace(span.contig) != Some(span.contig));
        for span in first_of_contigs.take(LOOKED_AT) {
            let one = Spans { contigs: table.contigs.clone(), spans: vec![*span], units: vec![0], ..*table };
            let mut reader = Spanned::new(self.file.clone(), Arc::new(one), 0, 1, self.longest);
            reader.next_unit()?;
            if reader.next_chunk().is_err() {
                return Err(Flaw::Misfit("its places hold other records than it says").into());
            }
        }
        Ok(())
    }
}

/// Chunks by the width of their bins, each in the order of positions.
#[derive(Default)]
struct Bins<'a>(BTreeMap<u64, Vec<&'a Chunk>>);

impl<'a> Bins<'a> {
    fn of(chunks: &'a [Chunk]) -> Self {
        let mut bins: BTreeMap<u64, Vec<&Chunk>> = BTreeMap::new();
        chunks.iter().for_each(|chunk| bins.entry(chunk.end - chunk.begin).or_default().push(chunk));
        bins.values_mut().for_each(|chunks| chunks.sort_unstable_by_key(|chunk| chunk.begin));
        Self(bins)
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The chunks whose bins hold a position of `begin .. end`.
    fn over(&self, begin: u64, end: u64) -> impl Iterator<Item = &'a Chunk> {
        self.0.values().flat_map(move |chunks| {
            let from = chunks.partition_point(|chunk| chunk.end <= begin);
            chunks.iter().skip(from).copied().take_while(move |chunk| chunk.begin < end)
        })
    }
}

/// Where stretches that should follow each other do not: the end before and the begin behind.
fn gaps(mut stretches: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    stretches.sort_unstable();
    let mut reached = stretches.first().map_or(0, |(first, _)| *first);
    let mut gaps = Vec::new();
    for (first, last) in stretches {
        if first > reached {
            gaps.push((reached, first));
        }
        reached = reached.max(last);
    }
    gaps
}

/// As `stat` of any file system tells it: a finer clock would find indexes older that were written along with the file.
fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Spans in the file's order; those that share a block or overlap become one. Contigs never overlap.
fn join(mut spans: Vec<Span>) -> std::result::Result<Vec<Span>, Flaw> {
    spans.sort_unstable_by_key(|span| (span.begin, span.end));
    let mut joined: Vec<Span> = Vec::new();
    for span in spans {
        match joined.last_mut() {
            Some(last) if last.contig == span.contig && span.begin.block() <= last.end.block() => {
                last.end = last.end.max(span.end);
            }
            Some(last) if span.begin < last.end => return Err(Flaw::Misfit("its contigs overlap")),
            _ => joined.push(span),
        }
    }
    Ok(joined)
}

/// For every unit its first span: spans are put together up to `step` stored bytes. At least one unit, so that an input
/// without records is accounted for.
fn units(spans: &[Span], step: u64) -> Vec<u32> {
    let (mut units, mut filled) = (vec![0], 0);
    for (at, span) in (0u32..).zip(spans) {
        if filled > 0 && filled + span.cost() > step {
            units.push(at);
            filled = 0;
        }
        filled += span.cost();
    }
    units
}
