//! Looks at the inputs before the run: which files, what containers, which header, which fields, how they are cut. Reads the
//! headers and each input's first records, to find fields that no header declares. It must not know tasks or batches.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use super::annotation;
use super::bcf::{self, Dictionary};
use super::config::{Calls, Config, Conformance, Info, InfoWord, OnBadFile, RegionsWithoutIndex};
use super::header::{self, Field, Header, infer, reserved};
use super::index::{Ask, Flaw, Lines};
use super::input::{Held, Input};
use super::paths;
use super::regions::Regions;
use super::samples::{self, Listed};
use super::schema::lay_out;
use super::shape::Shape;
use super::slot::CatchAll;
use super::split::{
    Access, BgzfCut, Container, Cut, FromStart, Layout, Opened, Piece, StreamText, TextBuf, Virtual, count_units, open,
};
use super::strict::{self, Rules};
use super::table::VcfTable;
use crate::audit::Kind;
use crate::error::{Class, Error, Result};
use crate::flow::{Document, InputDocument, InputUnits, Inspection, Notice, Number, Owed, SampleId, Situation, Source, VcfType};
use crate::sensitive::Sensitive;

/// Units a load may have: their ordinals take 20 bits of a variant's id.
const MAX_UNITS: u64 = 1 << 20;
/// A unit of BGZF is a range of stored bytes: this share of the unit's text, as VCF compresses.
const BGZF_RATIO: u64 = 16;
/// Deflate cannot expand further (RFC 1951: 258 bytes from 2 bits), so a gzip file has at most this much text a byte.
const DEFLATE_RATIO: u64 = 1032;
/// Text behind the header that is looked at for undeclared fields.
const SAMPLE_BYTES: usize = 4 << 20;

/// The `vcf` source of a pipeline.
#[derive(Debug)]
pub(crate) struct VcfSource {
    config: Config,
    base: PathBuf,
    unit: u64,
}

/// What was read of one input.
struct Looked {
    header: Header,
    binary: Option<Arc<Dictionary>>,
    container: Container,
    held: Held,
    size: Option<u64>,
}

impl Looked {
    /// Stands for a file that cannot be read, so that the others keep their numbers.
    fn nothing() -> Result<Self> {
        let header = Header::parse(b"##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n")?;
        Ok(Self { header, binary: None, container: Container::Plain, held: Held::Nothing, size: Some(0) })
    }
}

impl VcfSource {
    pub(crate) fn new(config: Config, base: PathBuf, unit: u64) -> Self {
        Self { config, base, unit }
    }

    /// Is this the fault of one file, with which the others have nothing to do?
    fn goes_on(&self, error: &Error) -> bool {
        self.config.on_bad_file == OnBadFile::Continue && error.class() == Class::Input
    }

    fn strict(&self) -> bool {
        self.config.conformance == Conformance::Strict
    }

    fn look(&self, path: Option<&Path>) -> Result<Looked> {
        let Opened { container, bcf, access } = open(path)?;
        let (mut buf, mut marks) = (TextBuf::default(), vec![(0u64, 0u64)]);
        let mut fed = 0u64;
        let (source, mut cut, mut stream, size) = match access {
            Access::Stream(text) => (None, None, Some(text), None),
            Access::File(file, size) => {
                let read = || Box::new(FromStart::new(file.clone()));
                let (cut, stream) = match container {
                    Container::Bgzf => {
                        let mut cut = BgzfCut::new(file.clone(), size);
                        cut.seek(0..size, true)?;
                        (Some(cut), None)
                    }
                    Container::Gzip => (None, Some(StreamText::gzip(read()))),
                    Container::Plain => (None, Some(StreamText::plain(read()))),
                };
                (Some(file), cut, stream, Some(size))
            }
        };
        let mut feed = |buf: &mut TextBuf| -> Result<bool> {
            if let Some(stream) = &mut stream {
                return stream.feed(buf);
            }
            let Some(cut) = &mut cut else { return Ok(false) };
            let before = buf.len();
            let piece = cut.feed(buf)?;
            if piece != Piece::End {
                marks.push((cut.offset(), fed));
                fed += (buf.len() - before) as u64;
            }
            Ok(piece != Piece::End)
        };
        let (mut ended, mut enough) = (false, 0);
        let mut binary = None;
        let (mut header, end) = loop {
            if let Some(minor) = bcf {
                if let Some((text, end)) = bcf::header(buf.waiting(), header::MAX_HEADER)? {
                    let (header, dictionary) = bcf::read_header(text, minor)?;
                    if self.strict() {
                        strict::header::check_binary(text)?;
                    }
                    binary = Some(Arc::new(dictionary));
                    break (header, end);
                }
                if ended {
                    return Err(bcf::header_cut());
                }
            } else if buf.len() >= enough || ended {
                if let Some(end) = header::end_of(buf.waiting(), ended)? {
                    let text = &buf.waiting()[..end];
                    if self.strict() {
                        strict::header::check(text)?;
                    }
                    break (Header::parse(text)?, end);
                }
                enough = buf.len() + buf.len() / 2;
            }
            ended = ended || !feed(&mut buf)?;
        };
        let found = |records: &[u8]| if bcf.is_some() { bcf::records(records).count() } else { lines(records) };
        while !ended && buf.len() - end < SAMPLE_BYTES && found(&buf.waiting()[end..]) < infer::SAMPLE {
            ended = !feed(&mut buf)?;
        }
        if let Some(dictionary) = &binary {
            let declared = |id: &str| header.formats.iter().any(|known| known.id == id);
            let lines = bcf::lines(&buf.waiting()[end..], dictionary, header.minor >= 4, infer::SAMPLE, declared);
            infer::infer(&mut header, &lines);
        } else {
            let whole = memchr::memrchr(b'\n', buf.waiting()).map_or(0, |at| at + 1);
            let whole = if ended { buf.len() } else { whole.max(end) };
            infer::infer(&mut header, &buf.waiting()[end..whole]);
        }

        let held = match (source, container) {
            (Some(file), Container::Gzip) => Held::Gzip { file, header: end as u64 },
            (Some(file), _) => {
                let size = size.unwrap_or(0);
                let (base, skip, step) = match container {
                    Container::Bgzf => {
                        let (at, text) = marks.iter().rev().find(|(_, text)| *text <= end as u64).copied().unwrap_or((0, 0));
                        (at, end as u64 - text, (self.unit / BGZF_RATIO).max(1))
                    }
                    _ => (end as u64, 0, self.unit),
                };
                let count = units_of(count_units(base, size, step))?;
                Held::Ranged { file, layout: Layout { base, skip, step, size, count } }
            }
            (None, _) => {
                buf.take(end);
                Held::Stream(Mutex::new(stream.map(|text| (text, buf))))
            }
        };
        Ok(Looked { header, binary, container, held, size })
    }

    /// The input as its index lets it be read for the regions, and what to say where it does not.
    fn by_index(&self, path: Option<&Path>, looked: &mut Looked, regions: &Regions) -> Result<Option<String>> {
        let flaw = match (path, &looked.held) {
            _ if self.strict() => Flaw::Strict,
            (Some(path), Held::Ranged { file, layout }) if looked.container == Container::Bgzf => {
                let length = |name: &[u8]| {
                    looked.header.contigs.iter().find(|contig| contig.id.as_bytes() == name).and_then(|contig| contig.length)
                };
                let header_end = Virtual::behind(file, layout.size, layout.base, layout.skip)?.map(|(place, _)| place);
                let binary = looked.binary.as_ref().map(|dictionary| dictionary.contig_names());
                let (binary, size, step) = (binary.as_deref(), layout.size, layout.step);
                let ask = Ask { path, file, size, header_end, regions, binary, length: &length, step };
                match ask.spans()? {
                    Ok(spans) => {
                        let (file, spans) = (file.clone(), Arc::new(spans));
                        let lines = Lines::new(file.clone(), spans.clone(), looked.header.line_count, looked.binary.is_some());
                        looked.held = Held::Indexed { file, spans, lines: Arc::new(lines) };
                        return Ok(None);
                    }
                    Err(flaw) => flaw,
                }
            }
            _ => Flaw::Unindexed,
        };
        match self.config.regions_without_index {
            RegionsWithoutIndex::Scan => Ok(Some(format!("{flaw}; all of it is read for the regions"))),
            RegionsWithoutIndex::Refuse => Err(Error::input(format!("{flaw}, and `regions_without_index` is `refuse`"))
                .with_hint(
                    "index the file (`tabix -f -p vcf FILE`, or `bcftools index -f FILE`), or set `regions_without_index: scan`",
                )),
        }
    }

    /// Which fields become columns, adding those asked for that no header declares.
    fn choose(ids: &[String], fields: &mut Vec<Field>, place: &str, minor: u32, notices: &mut Vec<Notice>) -> Vec<usize> {
        let mut chosen = Vec::new();
        for id in ids {
            let at = fields.iter().position(|field| field.id == *id).unwrap_or_else(|| {
                let known = if place == "INFO" { reserved::usual_info(id, minor) } else { reserved::usual_format(id, minor) };
                let (number, kind) = known.map_or((Number::Unknown, VcfType::String), |known| (known.number, known.kind));
                let (number_text, kind_text) = (number.text(), kind.text());
                let text = format!("{place}/{id} is asked for but not declared; read as Number={number_text}, Type={kind_text}");
                notices.push(Notice { input: 1, text });
                fields.push(Field { id: id.clone(), number, kind, inferred: true });
                fields.len() - 1
            });
            if !chosen.contains(&at) {
                chosen.push(at);
            }
        }
        chosen
    }

    /// Options that change rows. Sample names appear only digested.
    fn identity(&self, samples: Option<&Listed>) -> String {
        let Config { regions, info, csq, ann, bcsq, calls, formats, on_bad_record, conformance, .. } = &self.config;
        let samples = samples.map(Listed::digest);
        serde_json::json!({
            "source": "vcf", "regions": regions, "info": info, "csq": csq, "ann": ann, "bcsq": bcsq, "calls": calls, "formats": formats,
            "samples": samples, "on_bad_record": on_bad_record, "conformance": conformance,
        })
        .to_string()
    }
}

fn lines(text: &[u8]) -> usize {
    memchr::memchr_iter(b'\n', text).count()
}

fn units_of(count: u64) -> Result<u32> {
    u32::try_from(count).ok().filter(|count| u64::from(*count) <= MAX_UNITS).ok_or_else(|| {
        Error::usage("the inputs would be cut into more than a million units").with_hint("raise `unit`, such as to `256MiB`")
    })
}

impl Source for VcfSource {
    fn kind(&self) -> &'static str {
        "vcf"
    }

    fn owes(&self) -> Vec<Owed> {
        vec![Owed(Situation::SetAside, Kind::Quarantined)]
    }

    fn inspect(&self) -> Result<Inspection> {
        let entries = paths::of(&self.config.paths, &self.base)?;
        let (mut looked, mut given_up, mut renamed) = (Vec::new(), Vec::new(), Vec::new());
        for (i, entry) in entries.iter().enumerate() {
            match self.look(entry.path.as_deref()) {
                Ok(mut found) => {
                    renamed.push(entry.apply(&mut found.header).map_err(|error| error.at(&entry.place))?);
                    looked.push(found);
                }
                Err(error) if self.goes_on(&error) && entries.len() > given_up.len() + 1 => {
                    given_up.push((i as u32, error.to_string()));
                    looked.push(Looked::nothing()?);
                    renamed.push(Vec::new());
                }
                Err(error) => return Err(error.at(format!("input {}", i + 1))),
            }
        }
        let (paths, tags): (Vec<_>, Vec<_>) = entries.into_iter().map(|entry| (entry.path, entry.tags)).unzip();
        if let Some([(a, one), (b, other)]) = header::conflict(looked.iter().map(|looked| looked.header.assembly)) {
            return Err(Error::input(format!("inputs {a} and {b} are of different assemblies: {one} and {other}"))
                .with_hint("load them apart, or lift one of them over first (such as with `bcftools +liftover`)"));
        }
        let mut notices: Vec<Notice> =
            given_up.iter().map(|(input, reason)| Notice { input: input + 1, text: format!("left out: {reason}") }).collect();
        let mut told = HashSet::new();
        for (i, looked) in looked.iter().enumerate() {
            for text in &looked.header.notices {
                if told.insert(text.clone()) {
                    notices.push(Notice { input: i as u32 + 1, text: text.clone() });
                }
            }
        }
        let mut fields = header::merge(looked.iter().map(|looked| &looked.header));
        notices.extend(std::mem::take(&mut fields.notices).into_iter().map(|text| Notice { input: 1, text }));

        let minor = looked.iter().map(|looked| looked.header.minor).max().unwrap_or(2);
        let headers: Vec<&Header> = looked.iter().map(|looked| &looked.header).collect();
        let annotations = annotation::plan(&self.config, &headers, &fields, &mut notices)?;
        let mut info = match &self.config.info {
            Info::Word(InfoWord::All) => Some((0..fields.info.len()).collect()),
            Info::Word(InfoWord::None) => None,
            Info::Ids(ids) => Some(Self::choose(ids, &mut fields.info, "INFO", minor, &mut notices)),
        };
        for annotation in &annotations {
            let chosen = info.get_or_insert_with(Vec::new);
            if !chosen.contains(&annotation.info) {
                chosen.push(annotation.info);
            }
        }
        let calls = match (&self.config.formats, self.config.calls) {
            (_, Calls::None) => None,
            (None, _) => Some((0..fields.formats.len()).collect::<Vec<_>>()),
            (Some(ids), _) => Some(Self::choose(ids, &mut fields.formats, "FORMAT", minor, &mut notices)),
        };
        let catch_all = CatchAll {
            info: self.config.info == Info::Word(InfoWord::All),
            calls: calls.is_some() && self.config.formats.is_none(),
        };
        let layout = lay_out(&fields, info.as_deref(), &annotations, calls.as_deref(), catch_all);

        let contigs: HashSet<&str> =
            looked.iter().flat_map(|looked| looked.header.contigs.iter().map(|contig| contig.id.as_str())).collect();
        let (regions, unknown) = Regions::parse(&self.config.regions, &contigs)?;
        if unknown > 0 {
            notices.push(Notice { input: 1, text: format!("{unknown} of the regions name a contig that no header declares") });
        }

        if !regions.is_everything() {
            for (number, (path, looked)) in (1u32..).zip(paths.iter().zip(&mut looked)) {
                if matches!(looked.held, Held::Nothing) {
                    continue;
                }
                let said =
                    self.by_index(path.as_deref(), looked, &regions).map_err(|error| error.at(format!("input {number}")))?;
                notices.extend(said.map(|text| Notice { input: number, text }));
            }
        }

        let listed = Listed::read(&self.config, &self.base)?;
        let samples: Vec<_> = looked.iter().map(|looked| looked.header.samples.as_slice()).collect();
        let kept = samples::keep(listed.as_ref(), &samples)?;
        let (mut inputs, mut units, mut document, mut next) = (Vec::new(), Vec::new(), Document::default(), 0u64);
        let to_read = |looked: &Looked| match &looked.held {
            Held::Indexed { spans, .. } => Some(spans.bytes()),
            _ => looked.size,
        };
        let bytes = looked.iter().map(to_read).sum();
        let told = renamed.into_iter().zip(tags);
        for (i, ((looked, kept), (renamed, tags))) in looked.into_iter().zip(kept).zip(told).enumerate() {
            let Looked { header, binary, container, held, size } = looked;
            let declared = header.declared();
            let strict = self.strict().then(|| Arc::new(Rules::of(&header)));
            let first = u32::try_from(next).map_err(|_| Error::internal("unit ordinals overflow"))?;
            // A gzip file's units are known only when it was read; ordinals are set aside for the most it can hold.
            let (count, reserved) = match &held {
                Held::Ranged { layout, .. } => (Some(layout.count), u64::from(layout.count)),
                Held::Indexed { spans, .. } => (Some(units_of(spans.count())?), spans.count()),
                Held::Nothing => (Some(0), 0),
                Held::Gzip { .. } => (None, size.unwrap_or(0).saturating_mul(DEFLATE_RATIO) / self.unit + 1),
                Held::Stream(_) => (None, MAX_UNITS.saturating_sub(next).max(1)),
            };
            next += reserved;
            units_of(next)?;
            let index = match &held {
                Held::Indexed { spans, .. } => Some(spans.digest()),
                _ => None,
            };
            units.push(InputUnits { input: i as u32, first, count, index });
            let samples = header.samples.iter().zip(&kept).filter(|(_, kept)| kept.is_some());
            document.inputs.push(InputDocument {
                version: header.version,
                header_digest: header.digest,
                samples: samples.map(|(name, _)| SampleId::Name(Sensitive::new(name.expose().clone()))).collect(),
                lines: header.lines,
                assembly: header.assembly.into(),
                bytes: size,
                renamed,
                tags,
            });
            let shape = Shape {
                columns: header.columns,
                minor: header.minor,
                percent: header.minor >= 3,
                leading_phase: header.minor >= 4,
                samples: kept.into(),
                declared,
                strict,
                binary,
            };
            inputs.push(Input { number: i as u32, container, held, shape, header_lines: header.line_count, first });
        }
        let labels = layout.labels.clone();
        let table = VcfTable::new(inputs, fields, layout, regions, catch_all, self.unit, &self.config);
        let table = Arc::new(table);
        let identity = self.identity(listed.as_ref());
        Ok(Inspection { table, labels, document, units, bytes, notices, given_up, paths, identity })
    }
}
