//! The `vcf` source of a pipeline, and the steps in which it looks at its inputs. It must not decode.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::Arc;

use super::config::{Config, Conformance, OnBadFile, RegionsWithoutIndex};
use super::contigs;
use super::header::{self, Declaration, Header, reserved};
use super::held::Stamp;
use super::input::{Input, Origin};
use super::inspect::{Columns, InputFacts, Numbering, by_index, choose, inspect_input};
use super::limits::Limits;
use super::manifest::Entry;
use super::paths;
use super::regions::{Overlap, Regions};
use super::samples::{self, Listed};
use super::shape::Shape;
use super::shared::Shared;
use super::strict::Rules;
use super::table::VcfTable;
use crate::audit::Kind;
use crate::error::{Class, Error, Result};
use crate::flow::{Inspection, Notice, Owed, Situation, Source, Specification};
use crate::phi::words::is_usual_contig;
use crate::phi::{Contigs, Words};
use crate::pool;
use crate::sensitive::Sensitive;
use crate::store::identity::twice;
use crate::store::{Document, InputDocument, InputUnits, Rename, SampleId};

/// More than this nobody reads, and a hostile file could have one a line of its header.
const MOST_NOTICES: usize = 1000;

/// The `vcf` source of a pipeline.
#[derive(Debug)]
pub(crate) struct VcfSource {
    config: Config,
    base: PathBuf,
    unit: u64,
    limits: Limits,
}

/// An input of the load: what the pipeline says of it, and what it says about itself.
struct InspectedInput {
    path: Option<PathBuf>,
    tags: BTreeMap<String, String>,
    renamed: Vec<Rename>,
    /// Somebody has said what its samples are called.
    mapped: bool,
    facts: InputFacts,
}

/// The inputs as the run reads them, and what the load stores of them.
#[derive(Default)]
struct Assembled {
    inputs: Vec<Input>,
    units: Vec<InputUnits>,
    document: Document,
    paths: Vec<Option<PathBuf>>,
}

/// Inputs (0-based) that cannot be read and are left out, and why.
type GivenUp = Vec<(u32, String)>;

impl VcfSource {
    pub(crate) fn new(config: Config, base: PathBuf, unit: u64, limits: Limits) -> Self {
        Self { config, base, unit, limits }
    }

    /// Puts together what the inputs, in order, say about themselves; those that cannot be read are left out where others
    /// remain and the settings allow it.
    fn readable(
        &self,
        entries: Vec<Entry>,
        facts: impl Iterator<Item = Result<InputFacts>>,
    ) -> Result<(Vec<InspectedInput>, GivenUp)> {
        let (most, mut inputs, mut given_up) = (entries.len(), Vec::with_capacity(entries.len()), GivenUp::new());
        for ((i, entry), facts) in (0u32..).zip(entries).zip(facts) {
            let input = match facts {
                Ok(mut facts) => {
                    let renamed = entry.apply(&mut facts.header).map_err(|error| error.at(&entry.place))?;
                    let mapped = entry.samples.is_some();
                    InspectedInput { path: entry.path, tags: entry.tags, renamed, mapped, facts }
                }
                Err(error) if self.goes_on(&error) && given_up.len() + 1 < most => {
                    given_up.push((i, error.to_string()));
                    let facts = InputFacts::unreadable(entry.path.as_deref())?;
                    InspectedInput { path: entry.path, tags: entry.tags, renamed: Vec::new(), mapped: true, facts }
                }
                Err(error) => return Err(error.at_input(i + 1)),
            };
            inputs.push(input);
        }
        Ok((inputs, given_up))
    }

    /// Is this the fault of one file, with which the others have nothing to do?
    fn goes_on(&self, error: &Error) -> bool {
        self.config.on_bad_file == OnBadFile::Continue && error.class() == Class::Input
    }

    /// Holds the words that the pipeline and its manifest say to the same rule as those of the files.
    fn typed(&self, inputs: &[InspectedInput], words: &Words) -> Result<()> {
        if self.config.contigs.iter().any(|name| !is_usual_contig(name) && words.flaw(name).is_some()) {
            return Err(Error::usage("one of `contigs` may name a person").with_hint("rename the contig in the files"));
        }
        for (number, input) in (1..).zip(inputs) {
            if input.tags.iter().any(|(key, value)| words.flaw(key).is_some() || words.flaw(value).is_some()) {
                let what = "tags: one names a sample, and tags are stored in the clear";
                return Err(Error::input(what).at(format!("input {number}")));
            }
        }
        Ok(())
    }

    fn regions(&self, inputs: &[InspectedInput]) -> Result<Regions> {
        let contigs = inputs.iter().flat_map(|input| input.facts.header.contigs.iter().map(|contig| contig.id.as_str()));
        let overlap = match self.config.regions_overlap.number() {
            0 => Overlap::Pos,
            1 => Overlap::Record,
            2 => Overlap::Variant,
            _ => return Err(Error::usage("`regions_overlap` is 0, 1 or 2")),
        };
        Regions::parse(&self.config.regions, overlap, &contigs.collect())
    }

    /// Lets each input be read only where its index says that records of the regions lie.
    fn narrow(&self, inputs: &mut [InspectedInput], regions: &Regions, notices: &mut Vec<Notice>) -> Result<()> {
        if regions.is_everything() {
            return Ok(());
        }
        for (number, InspectedInput { path, facts, .. }) in (1u32..).zip(inputs) {
            if matches!(facts.origin, Origin::Unreadable) {
                continue;
            }
            let found = by_index(path.as_deref(), facts, regions, self.config.conformance, self.limits.line);
            match (found.map_err(|error| error.at_input(number))?, self.config.regions_without_index) {
                (Ok(origin), _) => facts.origin = origin,
                (Err(flaw), RegionsWithoutIndex::Scan) => {
                    notices.push(Notice { input: number, text: format!("{flaw}; all of it is read for the regions") });
                }
                (Err(flaw), RegionsWithoutIndex::Refuse) => {
                    let hint = "index the file (`tabix -f -p vcf FILE`, or `bcftools index -f FILE`), or set `regions_without_index: scan`";
                    return Err(Error::input(format!("{flaw}, and `regions_without_index` is `refuse`"))
                        .with_hint(hint)
                        .at_input(number));
                }
            }
        }
        Ok(())
    }

    /// Numbers the inputs' units and parts what the run reads from what it stores. `kept`: of every input the samples that are
    /// kept.
    fn assemble(&self, inputs: Vec<InspectedInput>, kept: Vec<Vec<Option<u32>>>) -> Result<Assembled> {
        let (mut numbering, mut all) = (Numbering::new(self.unit), Assembled::default());
        for ((number, input), kept) in (0u32..).zip(inputs).zip(kept) {
            let InspectedInput {
                path,
                tags,
                renamed,
                mapped: _,
                facts: InputFacts { header, dictionary, container, origin, size, stamp, held, .. },
            } = input;
            all.paths.push(path);
            let (ordinals, count) = numbering.take(&origin, size)?;
            let index = match &origin {
                Origin::Indexed { spans, .. } => Some(spans.digest()),
                _ => None,
            };
            let reserved = ordinals.len() as u32;
            all.units.push(InputUnits { input: number, first: ordinals.start, count, index, reserved });
            let rules = (self.config.conformance == Conformance::Strict).then(|| Arc::new(Rules::of(&header)));
            let undeclared = undeclared(&header);
            let gone = header.samples.iter().zip(&kept).filter(|(_, kept)| kept.is_none());
            let left_out = gone.map(|(name, _)| name.clone()).collect();
            let kept_names = header.samples.iter().zip(&kept).filter(|(_, kept)| kept.is_some());
            let samples = kept_names.map(|(name, _)| SampleId::Name(Sensitive::new(name.expose().clone()))).collect();
            let header_lines = header.line_count;
            let shape = Shape::of(&header, kept, rules, dictionary);
            let readable = !matches!(origin, Origin::Unreadable);
            all.inputs.push(Input {
                number,
                container,
                origin,
                held,
                shape,
                header_lines,
                ordinals,
                padded: Arc::default(),
                longest: self.limits.line,
            });
            all.document.inputs.push(InputDocument {
                version: header.version,
                header_digest: header.digest,
                samples,
                lines: header.lines,
                assembly: header.assembly.into(),
                bytes: stamp.map(|stamp| stamp.bytes),
                modified: stamp.map(|stamp| stamp.changed),
                inode: stamp.map(|stamp| stamp.inode),
                readable,
                renamed,
                left_out,
                undeclared,
                tags,
            });
        }
        Ok(all)
    }

    /// Options that decide about rows. Sample names appear only digested; files and their names are the content's matter.
    fn specification(&self, samples: Option<&Listed>) -> Result<Specification> {
        let Config {
            regions, regions_overlap, contigs, info, csq, ann, bcsq, calls, formats, on_bad_record, conformance, ..
        } = &self.config;
        let settings = serde_json::json!({
            "regions": regions, "regions_overlap": regions_overlap.number(), "contigs": contigs, "info": info, "csq": csq, "ann": ann,
            "bcsq": bcsq, "calls": calls, "formats": formats,
            "on_bad_record": on_bad_record, "conformance": conformance, "values": self.limits.values,
        });
        Specification::new(self.kind(), &settings)?.with_content("samples", &samples.map(Listed::digest))
    }
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
        let found: Vec<_> = entries.iter().map(|entry| entry.path.clone()).collect();
        let (unit, conformance, limits) = (self.unit, self.config.conformance, self.limits);
        let facts = pool::map(found, move |path: Option<PathBuf>| inspect_input(path.as_deref(), unit, conformance, &limits))?;
        let (mut inputs, given_up) = self.readable(entries, facts.into_iter())?;
        one_assembly(&inputs)?;
        each_once(&inputs)?;
        let mut notices = notices(&inputs, &given_up);
        let words = Arc::new(words(&inputs, self.config.known_contigs()?)?);
        self.typed(&inputs, &words)?;
        let headers: Vec<_> = inputs.iter().map(|input| &input.facts.header).collect();
        let Columns { fields, catch_all, layout } = choose(&self.config, &self.limits, &headers, &words, &mut notices)?;
        let regions = self.regions(&inputs)?;
        self.narrow(&mut inputs, &regions, &mut notices)?;
        let listed = Listed::read(&self.config, &self.base)?;
        let samples: Vec<_> = inputs.iter().map(|input| input.facts.header.samples.as_slice()).collect();
        let kept = samples::keep(listed.as_ref(), &samples)?;

        let bytes = inputs.iter().map(|input| to_read(&input.facts)).sum();
        let named = contigs::named(inputs.iter().map(|input| &input.facts));
        let Assembled { inputs, units, document, paths } = self.assemble(inputs, kept)?;
        notices.extend(contigs::check(&regions, named, &inputs, &words)?);
        if notices.len() > MOST_NOTICES {
            let more = notices.len() - MOST_NOTICES;
            notices.truncate(MOST_NOTICES);
            notices.push(Notice { input: 1, text: format!("{more} more notices are left out") });
        }
        let labels = layout.labels.clone();
        let shared = Shared::new(inputs, fields, regions, catch_all, self.unit, self.limits, &self.config);
        let table = Arc::new(VcfTable::new(shared, layout));
        let specification = self.specification(listed.as_ref())?;
        Ok(Inspection { table, labels, document, units, bytes, notices, given_up, paths, words, specification })
    }
}

/// What may be kept and told of the words of these inputs.
fn words(inputs: &[InspectedInput], contigs: Contigs) -> Result<Words> {
    let headers = || inputs.iter().map(|input| &input.facts.header);
    let renamed = inputs.iter().flat_map(|input| &input.renamed).map(|rename| &rename.old);
    let names = headers().flat_map(|header| &header.samples).chain(renamed).map(|name| name.expose().as_str());
    let symbols =
        headers().flat_map(|header| &header.lines).filter(|line| line.key == "ALT").filter_map(|line| line.id.as_deref());
    Ok(Words::new(names, contigs)?.declaring(symbols))
}

/// Keys that a header does not declare and the specification does not know.
fn undeclared(header: &Header) -> Vec<Sensitive<String>> {
    let unknown = |list: &[Declaration], info: bool| {
        let unknown = list.iter().filter(|key| key.inferred && !reserved::is_reserved(&key.id, info));
        unknown.map(|key| Sensitive::new(key.id.clone())).collect::<Vec<_>>()
    };
    [unknown(&header.info, true), unknown(&header.formats, false)].concat()
}

fn one_assembly(inputs: &[InspectedInput]) -> Result<()> {
    match header::conflict(inputs.iter().map(|input| input.facts.header.assembly)) {
        None => Ok(()),
        Some([(a, one), (b, other)]) => {
            Err(Error::input(format!("inputs {a} and {b} are of different assemblies: {one} and {other}"))
                .with_hint("load them apart, or lift one of them over first (such as with `bcftools +liftover`)"))
        }
    }
}

/// Nobody wants each variant and call of a file twice. What has no record may come as often as it likes.
fn each_once(inputs: &[InspectedInput]) -> Result<()> {
    let mut seen: Vec<(Stamp, usize)> = Vec::with_capacity(inputs.len());
    let stamps = inputs.iter().zip(1..).filter(|(input, _)| !input.facts.empty);
    seen.extend(stamps.filter_map(|(input, number)| Some((input.facts.stamp?, number))));
    seen.sort_by_key(|(stamp, number)| (stamp.device, stamp.inode, *number));
    match seen.windows(2).find(|pair| pair[0].0.is_same_file(&pair[1].0)) {
        None => Ok(()),
        Some(pair) => Err(twice(pair[0].1, pair[1].1)),
    }
}

/// What was left out, and what headers were forgiven: each text once.
fn notices(inputs: &[InspectedInput], given_up: &GivenUp) -> Vec<Notice> {
    let mut notices: Vec<Notice> =
        given_up.iter().map(|(input, reason)| Notice { input: input + 1, text: format!("left out: {reason}") }).collect();
    notices.extend(shared_names(inputs));
    let mut told = HashSet::new();
    for (number, input) in (1u32..).zip(inputs) {
        let new = input.facts.header.notices.iter().filter(|text| told.insert(text.as_str()));
        notices.extend(new.map(|text| Notice { input: number, text: text.clone() }));
    }
    notices
}

/// Samples of one name are one person from here on: told where no sample map says that somebody has looked.
fn shared_names(inputs: &[InspectedInput]) -> Option<Notice> {
    let mut seen: HashMap<&str, u32> = HashMap::new();
    let mut pairs = Vec::new();
    for (number, input) in (1u32..).zip(inputs).filter(|(_, input)| !input.mapped) {
        let names = input.facts.header.samples.iter().map(|name| name.expose().as_str());
        let earlier: Vec<u32> = names.filter_map(|name| seen.insert(name, number)).collect();
        pairs.extend(earlier.first().map(|earlier| (*earlier, number)));
    }
    let (one, other) = *pairs.first()?;
    let more = if pairs.len() > 1 { format!(", and {} inputs more", pairs.len() - 1) } else { String::new() };
    let text = format!(
        "has samples of the same names as input {one}{more}: they count as the same people. Where they are not, a manifest's \
         `sample_map` tells them apart"
    );
    Some(Notice { input: other, text })
}

/// Stored bytes that the run will read of an input, when input.
fn to_read(facts: &InputFacts) -> Option<u64> {
    match &facts.origin {
        Origin::Indexed { spans, .. } => Some(spans.bytes()),
        _ => facts.size,
    }
}
