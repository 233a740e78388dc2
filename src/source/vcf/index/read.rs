//! `.tbi` (tabix format) and `.csi` (CSIv1) as they are stored: names, bins, chunks. Reads front to back and keeps the bins of
//! one contig at a time, so counts that lie allocate nothing. It must not know regions, or whether the index fits a file.

use std::io::{BufReader, ErrorKind, Read};

use super::flaw::Flaw;

/// Inflated bytes of an index that are read. The largest known, a CSI with 512-base bins over a genome, take a third of it.
const MAX_BYTES: u64 = 1 << 30;
/// Bytes of names.
const MAX_NAMES: u64 = 16 << 20;
/// Chunks of one contig that are kept.
const MAX_CHUNKS: usize = 2 << 20;
/// Levels of bins: deeper ones have numbers of more than 32 bits.
const MAX_DEPTH: u32 = 9;
/// The VCF preset in the format field (tabix, `TBX_VCF`); flags such as 0x10000 (0-based positions) are no part of it.
const PRESET_VCF: i32 = 2;

/// The two formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Tbi,
    Csi,
}

impl Kind {
    /// Its file's extension.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Tbi => "tbi",
            Kind::Csi => "csi",
        }
    }
}

/// Records that lie within `begin .. end` (0-based), the positions of their bin, from virtual offset `first` to `last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub begin: u64,
    pub end: u64,
    pub first: u64,
    pub last: u64,
}

/// What an index says as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct IndexSummary {
    pub kind: Kind,
    /// The first and the last virtual offset of every contig that has chunks, in the index's order.
    pub contigs: Vec<(u64, u64)>,
}

/// Takes a contig: its number, name and chunks, and the first position (0-based) that the index cannot speak of.
type TakeContig<'a> = dyn FnMut(u32, &[u8], &[Chunk], u64) -> Result<(), Flaw> + 'a;

/// Reads an index, calling `take` for the contigs that are `wanted`. `contigs`: the names that BCF's contigs have by number;
/// the index of a VCF holds its own.
pub(crate) fn read(
    stored: impl Read,
    contigs: Option<&[Box<[u8]>]>,
    wanted: &dyn Fn(&[u8]) -> bool,
    take: &mut TakeContig<'_>,
) -> Result<IndexSummary, Flaw> {
    let mut stored = BufReader::new(stored);
    let packed = std::io::BufRead::fill_buf(&mut stored).map_err(|error| failed(&error))?.starts_with(&[0x1f, 0x8b]);
    let text: Box<dyn Read + '_> = if packed { Box::new(flate2::bufread::MultiGzDecoder::new(stored)) } else { Box::new(stored) };
    let mut from = Reader(BufReader::with_capacity(64 << 10, text.take(MAX_BYTES)));
    let kind = match &from.bytes::<4>()? {
        b"TBI\x01" => Kind::Tbi,
        b"CSI\x01" => Kind::Csi,
        _ => return Err(Flaw::Damaged("it does not begin as one")),
    };
    let (shape, names) = match kind {
        Kind::Tbi if contigs.is_some() => return Err(Flaw::Foreign),
        Kind::Tbi => {
            let count = from.count()?;
            let names = from.tabix_header()?;
            if names.len() != count as usize {
                return Err(Flaw::Damaged("another number of names than contigs"));
            }
            (BinLayout { min_shift: 14, depth: 5 }, names)
        }
        Kind::Csi => {
            let (min_shift, depth, aux) = (from.count()?, from.count()?, from.count()?);
            if depth > MAX_DEPTH || min_shift == 0 || min_shift + 3 * depth > 60 {
                return Err(Flaw::Damaged("bins of an impossible size"));
            }
            let shape = BinLayout { min_shift, depth };
            if let Some(contigs) = contigs {
                from.skip(u64::from(aux))?;
                // It may end behind the last contig that has records.
                let names = contigs.get(..from.count()? as usize).ok_or(Flaw::Misfit("it has more contigs than the header"))?;
                (shape, names.to_vec())
            } else if aux == 0 {
                return Err(Flaw::Foreign);
            } else {
                let names = from.tabix_header()?;
                let told = 28 + names.iter().map(|name| name.len() as u64 + 1).sum::<u64>();
                from.skip(u64::from(aux).checked_sub(told).ok_or(Flaw::Damaged("names longer than their place"))?)?;
                if names.len() != from.count()? as usize {
                    return Err(Flaw::Damaged("another number of names than contigs"));
                }
                (shape, names)
            }
        }
    };
    let (mut contigs, mut chunks) = (Vec::new(), Vec::new());
    for (number, name) in (0u32..).zip(&names) {
        chunks.clear();
        let wanted = wanted(name);
        contigs.extend(from.contig(kind, shape, wanted.then_some(&mut chunks))?);
        if wanted {
            take(number, name, &chunks, shape.reach())?;
        }
    }
    from.end()?;
    Ok(IndexSummary { kind, contigs })
}

/// How bins divide a contig (CSIv1 section 2).
#[derive(Clone, Copy, Debug)]
struct BinLayout {
    min_shift: u32,
    depth: u32,
}

impl BinLayout {
    fn reach(self) -> u64 {
        1 << (self.min_shift + 3 * self.depth)
    }

    /// The number of the first bin of a level.
    fn first_of(level: u32) -> u64 {
        ((1 << (3 * level)) - 1) / 7
    }

    /// The bin that holds counts instead of records.
    fn pseudo(self) -> u64 {
        Self::first_of(self.depth + 1) + 1
    }

    /// Positions of a bin, 0-based, half open. `None`: there is no such bin.
    fn extent(self, bin: u64) -> Option<(u64, u64)> {
        let level = (0..=self.depth).find(|level| bin < Self::first_of(level + 1))?;
        let width = 1 << (self.min_shift + 3 * (self.depth - level));
        let begin = (bin - Self::first_of(level)) * width;
        Some((begin, begin + width))
    }
}

struct Reader<R>(R);

impl<R: Read> Reader<R> {
    fn bytes<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        let mut bytes = [0; N];
        self.0.read_exact(&mut bytes).map_err(|error| failed(&error))?;
        Ok(bytes)
    }

    fn int(&mut self) -> Result<i32, Flaw> {
        Ok(i32::from_le_bytes(self.bytes()?))
    }

    fn offset(&mut self) -> Result<u64, Flaw> {
        Ok(u64::from_le_bytes(self.bytes()?))
    }

    fn count(&mut self) -> Result<u32, Flaw> {
        u32::try_from(self.int()?).map_err(|_| Flaw::Damaged("a negative count"))
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Flaw> {
        let skipped = std::io::copy(&mut self.0.by_ref().take(bytes), &mut std::io::sink()).map_err(|error| failed(&error))?;
        if skipped == bytes { Ok(()) } else { Err(Flaw::Damaged("it is cut off")) }
    }

    /// The columns tabix looked at, and the contigs' names. Only what the VCF preset writes is taken.
    fn tabix_header(&mut self) -> Result<Vec<Box<[u8]>>, Flaw> {
        let [format, contig, begin, _end, meta, skipped] =
            [self.int()?, self.int()?, self.int()?, self.int()?, self.int()?, self.int()?];
        if (format, contig, begin, meta, skipped) != (PRESET_VCF, 1, 2, i32::from(b'#'), 0) {
            return Err(Flaw::Foreign);
        }
        let length = u64::from(self.count()?);
        if length > MAX_NAMES {
            return Err(Flaw::Damaged("names too long"));
        }
        let mut text = Vec::new();
        self.0.by_ref().take(length).read_to_end(&mut text).map_err(|error| failed(&error))?;
        if text.len() as u64 != length {
            return Err(Flaw::Damaged("it is cut off"));
        }
        match text.pop() {
            None => return Ok(Vec::new()),
            Some(0) => {}
            Some(_) => return Err(Flaw::Damaged("a name without an end")),
        }
        let names: Vec<Box<[u8]>> = text.split(|byte| *byte == 0).map(Into::into).collect();
        let mut sorted: Vec<_> = names.iter().collect();
        sorted.sort_unstable();
        if sorted.windows(2).any(|two| two[0] == two[1]) {
            return Err(Flaw::Damaged("two contigs of one name"));
        }
        Ok(names)
    }

    /// The contig's first and last virtual offset, `None` without chunks, which `keep` takes.
    fn contig(&mut self, kind: Kind, shape: BinLayout, mut keep: Option<&mut Vec<Chunk>>) -> Result<Option<(u64, u64)>, Flaw> {
        let mut extent: Option<(u64, u64)> = None;
        for _ in 0..self.count()? {
            let number = u64::from(u32::from_le_bytes(self.bytes()?));
            if kind == Kind::Csi {
                // The bin's share of the linear index, which the order of chunks makes needless, as it does a TBI's below.
                self.offset()?;
            }
            let chunks = self.count()?;
            if number == shape.pseudo() {
                self.skip(16 * u64::from(chunks))?;
                continue;
            }
            let (begin, end) = shape.extent(number).ok_or(Flaw::Damaged("a bin that cannot be"))?;
            for _ in 0..chunks {
                let (first, last) = (self.offset()?, self.offset()?);
                if first > last {
                    return Err(Flaw::Damaged("a chunk that ends before it begins"));
                }
                let (least, most) = extent.unwrap_or((first, last));
                extent = Some((least.min(first), most.max(last)));
                if let Some(keep) = &mut keep {
                    if keep.len() == MAX_CHUNKS {
                        return Err(Flaw::Damaged("too many chunks"));
                    }
                    keep.push(Chunk { begin, end, first, last });
                }
            }
        }
        if kind == Kind::Tbi {
            let windows = self.count()?;
            self.skip(8 * u64::from(windows))?;
        }
        Ok(extent)
    }

    /// Nothing may follow but the count of records without a place.
    fn end(&mut self) -> Result<(), Flaw> {
        let mut rest = Vec::new();
        self.0.by_ref().take(9).read_to_end(&mut rest).map_err(|error| failed(&error))?;
        if matches!(rest.len(), 0 | 8) { Ok(()) } else { Err(Flaw::Damaged("something follows its end")) }
    }
}

fn failed(error: &std::io::Error) -> Flaw {
    match error.kind() {
        ErrorKind::UnexpectedEof => Flaw::Damaged("it is cut off"),
        ErrorKind::InvalidData | ErrorKind::InvalidInput => Flaw::Damaged("it does not inflate"),
        kind => Flaw::Unreadable(kind),
    }
}
