//! One annotation of one batch: text entries into typed sub-fields, each entry matched to its ALT, and the most severe entry
//! of every ALT. It must not know where the columns lie in a batch.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::arrow::array::{
    Array, ArrayRef, BooleanArray, Int32Array, Int64Array, ListArray, StringArray, StructArray, UInt32Array,
};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use datafusion::arrow::compute::take;
use datafusion::arrow::datatypes::{DataType, Field};

use super::allele::{About, Alleles, is_sequence};
use super::format::Tool;
use super::leaf::Values;
use super::plan::{Planned, Worst};
use super::rejoin::{each, rejoined};
use super::{bcsq, severity, snpeff, vep};
use crate::error::{Error, Result};

/// Sub-fields, empty ones too, that the entries of a batch may have: real ones stay far below, as each costs its separator.
/// What lies behind stays text, so that a short line cannot take memory without end.
const MOST_CELLS: usize = 1 << 25;
/// Entries times ALTs of one record, likewise for time.
const MOST_WORK: usize = 1 << 24;

/// The columns of a batch an annotation is read from.
pub(super) struct Columns<'a> {
    pub text: &'a ArrayRef,
    pub pos: &'a Int64Array,
    pub reference: &'a StringArray,
    pub alt: &'a StringArray,
}

impl<'a> Columns<'a> {
    fn alt(&self, row: usize) -> Option<&'a str> {
        self.alt.is_valid(row).then(|| self.alt.value(row))
    }
}

/// What became of them.
pub(super) struct Parsed {
    pub entries: Option<ArrayRef>,
    /// Those asked for, in the planned order.
    pub worst: Vec<Option<ArrayRef>>,
    /// Entries that do not fit the declared form, `ID=entry,entry` by row.
    pub spilled: BTreeMap<usize, String>,
}

/// Reads one annotation, batch after batch of one input.
pub(super) struct Reader {
    plan: Arc<Planned>,
    /// The child each position of an entry goes to, as this input's header orders them; `None` when it has no order.
    order: Option<Vec<usize>>,
    /// A builder for every child that is asked for.
    values: Vec<Option<Values>>,
    wanted: Wanted,
    at: Positions,
    /// Entries whose allele is none of their record's.
    pub unknown: u64,
    /// Entries that do not fit the declared form.
    pub unfit: u64,
}

/// Which of its columns are asked for: the nested one, and which flat ones.
struct Wanted {
    entries: bool,
    worst: Vec<bool>,
}

/// Where an entry says what is needed to match and rank it.
#[derive(Debug, Default)]
struct Positions {
    allele: Option<usize>,
    number: Option<usize>,
    minimised: Option<usize>,
    consequence: Option<usize>,
    impact: Option<usize>,
    feature_type: Option<usize>,
    preferred: [Option<usize>; 4],
}

/// The best entry of an ALT so far: severity, then the transcripts that tools prefer, then the first.
type Best<'a> = Option<((u16, u8), u32, &'a str, bool)>;

impl Reader {
    /// `escaped`: the decoder has left the percent-encoding of this input's texts as it was.
    pub(super) fn new(plan: Arc<Planned>, input: usize, escaped: bool, entries: bool, worst: Vec<bool>) -> Self {
        let order = plan.inputs.get(input).cloned().flatten();
        let wanted = |child: usize| {
            let by_worst = || plan.worst.iter().zip(&worst).any(|(w, wanted)| *wanted && w.child == Some(child));
            (entries && plan.children.get(child).is_some_and(|child| child.kept)) || by_worst()
        };
        let values = (0..plan.children.len()).map(|i| wanted(i).then(|| Values::new(plan.tool, &plan.children[i].name, escaped)));
        let values = values.collect();
        let at = order.as_deref().map(|order| Positions::of(&plan, order)).unwrap_or_default();
        Self { plan, order, values, wanted: Wanted { entries, worst }, at, unknown: 0, unfit: 0 }
    }

    /// Reads a batch.
    pub(super) fn read(&mut self, columns: &Columns<'_>) -> Result<Parsed> {
        match self.rejoined(columns) {
            None => self.read_entries(columns),
            Some(text) => self.read_entries(&Columns { text: &text, ..*columns }),
        }
    }

    /// The text with entries whole that commas within them have cut, where each begins with its allele.
    fn rejoined(&self, columns: &Columns<'_>) -> Option<ArrayRef> {
        let width = self.order.as_ref().filter(|_| self.at.allele == Some(0))?.len();
        let mut alleles = Alleles::default();
        rejoined(columns.text, width, |row, first| {
            alleles.set(columns.pos.value(row), columns.reference.value(row), columns.alt(row));
            match self.plan.tool {
                Tool::Vep => vep::can_begin(first, &alleles),
                _ => first.is_empty() || is_sequence(first) || snpeff::about(first, &alleles) != About::Unknown,
            }
        })
    }

    fn read_entries<'a>(&mut self, columns: &Columns<'a>) -> Result<Parsed> {
        let rows = columns.text.len();
        let mut spilled = BTreeMap::new();
        let (mut alt_index, mut backs, mut after_stop) = (Vec::new(), Vec::new(), Vec::new());
        let (mut offsets, mut valid) = (vec![0i32], Vec::with_capacity(rows));
        let (mut chosen, mut alt_offsets) = (Vec::<(Option<u32>, &'a str, bool)>::new(), vec![0i32]);
        let (mut alleles, mut pieces, mut best): (Alleles<'a>, Vec<&'a str>, Vec<Best<'a>>) = Default::default();
        let mut last_term = None;
        let bcsq = self.plan.tool == Tool::Bcsq;
        let width = self.values.iter().flatten().count();
        for row in 0..rows {
            alleles.set(columns.pos.value(row), columns.reference.value(row), columns.alt(row));
            best.clear();
            best.resize(alleles.alts.len(), None);
            let before = alt_index.len();
            let mut last = None;
            each(columns.text, row, |entry| {
                let at = alt_index.len();
                pieces.clear();
                let work = (at - before + 1).saturating_mul(alleles.alts.len());
                if at.saturating_mul(width) >= MOST_CELLS || work > MOST_WORK || !self.cut(entry, &mut pieces) {
                    self.unfit += 1;
                    spill(&mut spilled, row, &self.plan.id, entry);
                    return;
                }
                let back = if bcsq { bcsq::back_reference(entry) } else { None };
                if back.is_some() {
                    pieces.clear();
                }
                let stopped = bcsq && pieces.first().is_some_and(|first| first.starts_with('*'));
                if let Some(first) = pieces.first_mut().filter(|_| stopped) {
                    *first = first.trim_start_matches('*');
                }
                let long = self.order.as_ref().is_some_and(|order| pieces.len() > order.len());
                if !self.put(at, &pieces) || long {
                    self.unfit += 1;
                    spill(&mut spilled, row, &self.plan.id, entry);
                }
                let about = self.about(&pieces, &alleles, &mut last);
                self.unknown += u64::from(about == About::Unknown);
                alt_index.push(match about {
                    About::Alt(alt) => Some(alt as i32),
                    _ => None,
                });
                if bcsq {
                    backs.push(back);
                    after_stop.push(back.is_none().then_some(stopped));
                }
                if back.is_none() {
                    self.rank(at as u32, about, &pieces, &mut best, &mut last_term);
                }
            });
            let any = alt_index.len() > before;
            offsets.push(i32::try_from(alt_index.len()).map_err(|_| too_many())?);
            valid.push(any);
            if any {
                chosen.extend(best.iter().map(|best| best.map_or((None, "", false), |(_, at, term, tr)| (Some(at), term, tr))));
            }
            alt_offsets.push(i32::try_from(chosen.len()).map_err(|_| too_many())?);
        }
        let entries = alt_index.len();
        let nulls = Some(NullBuffer::new(BooleanBuffer::from(valid)));
        let values: Vec<Option<ArrayRef>> =
            self.values.iter_mut().map(|values| values.as_mut().map(|values| values.finish(entries))).collect();
        let worst = self.worst(&values, &chosen, &OffsetBuffer::new(alt_offsets.into()), nulls.as_ref())?;
        let nested = if self.wanted.entries {
            let mut arrays: Vec<ArrayRef> = vec![Arc::new(Int32Array::from(alt_index))];
            arrays.extend(self.plan.children.iter().zip(values).filter(|(child, _)| child.kept).filter_map(|(_, array)| array));
            if bcsq {
                arrays.push(Arc::new(BooleanArray::from(after_stop)));
                arrays.push(Arc::new(Int64Array::from(backs)));
            }
            let DataType::List(item) = self.plan.entries_type() else { return Err(Error::internal("entries are a list")) };
            let DataType::Struct(fields) = item.data_type() else { return Err(Error::internal("an entry is a struct")) };
            let structs = StructArray::try_new_with_length(fields.clone(), arrays, None, entries)?;
            let list = ListArray::try_new(item, OffsetBuffer::new(offsets.into()), Arc::new(structs), nulls)?;
            Some(Arc::new(list) as ArrayRef)
        } else {
            None
        };
        Ok(Parsed { entries: nested, worst, spilled })
    }

    /// Cuts an entry into its pieces; false when that is not possible.
    fn cut<'a>(&self, entry: &'a str, pieces: &mut Vec<&'a str>) -> bool {
        if self.order.is_none() {
            return false;
        }
        if self.plan.tool == Tool::Eff {
            return snpeff::cut_eff(entry, pieces);
        }
        let mut from = 0;
        for to in memchr::memchr_iter(b'|', entry.as_bytes()) {
            pieces.push(entry.get(from..to).unwrap_or_default());
            from = to + 1;
        }
        pieces.push(entry.get(from..).unwrap_or_default());
        true
    }

    /// Gives the pieces to their builders; false when one is not of its type.
    fn put(&mut self, at: usize, pieces: &[&str]) -> bool {
        let Some(order) = &self.order else { return false };
        let mut fits = true;
        for (piece, child) in pieces.iter().zip(order).filter(|(piece, _)| !piece.is_empty()) {
            if let Some(Some(values)) = self.values.get_mut(*child) {
                fits &= values.put(at, piece);
            }
        }
        fits
    }

    /// Which ALT the entry is about; entries of one record repeat their alleles, so the last answer is kept.
    fn about<'a>(&self, pieces: &[&'a str], alleles: &Alleles<'_>, last: &mut Option<(&'a str, &'a str, About)>) -> About {
        let piece = |at: Option<usize>| at.and_then(|at| pieces.get(at).copied()).filter(|text| *text != ".").unwrap_or_default();
        let (allele, number) = (piece(self.at.allele), piece(self.at.number));
        match last {
            Some((a, n, about)) if *a == allele && *n == number => return *about,
            _ => {}
        }
        let about = match self.plan.tool {
            Tool::Vep => {
                let minimised = !matches!(piece(self.at.minimised), "" | "0");
                vep::about(vep::Said { allele, number, minimised }, alleles)
            }
            Tool::Ann | Tool::Eff => snpeff::about(allele, alleles),
            Tool::Bcsq => bcsq::about(allele, alleles),
        };
        *last = Some((allele, number, about));
        about
    }

    /// Holds the entry against the best ones of the ALTs it is about.
    fn rank<'a>(
        &self,
        at: u32,
        about: About,
        pieces: &[&'a str],
        best: &mut [Best<'a>],
        last: &mut Option<(&'a str, &'a str, u16)>,
    ) {
        if about == About::Unknown || !self.wanted.worst.contains(&true) {
            return;
        }
        let piece = |at: Option<usize>| at.and_then(|at| pieces.get(at).copied()).unwrap_or_default();
        let consequence = piece(self.at.consequence);
        let (term, known) = match *last {
            Some((text, term, severity)) if text == consequence => (term, severity),
            _ => {
                let (term, severity) = severity::worst(consequence).unwrap_or(("", u16::MAX));
                *last = Some((consequence, term, severity));
                (term, severity)
            }
        };
        let severity = if known == u16::MAX { severity::of_impact(piece(self.at.impact)) } else { known };
        let preferred = |at: &Option<usize>| !matches!(piece(*at), "" | "." | "0" | "NO");
        let preference = self.at.preferred.iter().position(preferred).unwrap_or(self.at.preferred.len());
        let key = (severity, preference as u8);
        let transcript = self.at.feature_type.is_none() || same_transcript(piece(self.at.feature_type));
        let candidates = match about {
            About::Alt(alt) => best.get_mut(alt as usize - 1..alt as usize),
            _ => Some(best),
        };
        for slot in candidates.into_iter().flatten() {
            if slot.is_none_or(|(known, ..)| key < known) {
                *slot = Some((key, at, term, transcript));
            }
        }
    }

    /// The flat columns that are asked for: one value an ALT.
    fn worst(
        &self,
        values: &[Option<ArrayRef>],
        chosen: &[(Option<u32>, &str, bool)],
        offsets: &OffsetBuffer<i32>,
        nulls: Option<&NullBuffer>,
    ) -> Result<Vec<Option<ArrayRef>>> {
        let column = |worst: &Worst| -> Result<ArrayRef> {
            let texts: ArrayRef = match (worst.name, worst.child) {
                ("consequence", _) => {
                    Arc::new(chosen.iter().map(|(_, term, _)| Some(*term).filter(|t| !t.is_empty())).collect::<StringArray>())
                }
                (_, Some(child)) => {
                    let values = values.get(child).and_then(Option::as_ref);
                    let values = values.ok_or_else(|| Error::internal("a sub-field was not read"))?;
                    let of = |(at, _, transcript): &(Option<u32>, &str, bool)| {
                        at.filter(|_| *transcript || worst.name != "transcript")
                    };
                    take(values, &chosen.iter().map(of).collect::<UInt32Array>(), None)?
                }
                _ => {
                    let impact = |term: &str| severity::of_term(term).and_then(severity::impact);
                    Arc::new(chosen.iter().map(|(_, term, _)| impact(term)).collect::<StringArray>())
                }
            };
            let item = Arc::new(Field::new("item", DataType::Utf8, true));
            Ok(Arc::new(ListArray::try_new(item, offsets.clone(), texts, nulls.cloned())?))
        };
        self.plan.worst.iter().zip(&self.wanted.worst).map(|(worst, wanted)| wanted.then(|| column(worst)).transpose()).collect()
    }
}

impl Positions {
    fn of(plan: &Planned, order: &[usize]) -> Self {
        let at = |name: &str| {
            let child = plan.children.iter().position(|child| super::format::same(&child.name, name))?;
            order.iter().position(|of| *of == child)
        };
        let first = |names: &[&str]| names.iter().find_map(|name| at(name));
        Self {
            allele: first(match plan.tool {
                Tool::Vep | Tool::Ann => &["Allele"],
                Tool::Eff => &["Genotype_Number", "Genotype"],
                Tool::Bcsq => &["dna_change"],
            }),
            number: if plan.tool == Tool::Vep { at("ALLELE_NUM") } else { None },
            minimised: if plan.tool == Tool::Vep { at("MINIMISED") } else { None },
            consequence: first(&["Consequence", "Annotation", "Effect"]),
            impact: first(&["IMPACT", "Annotation_Impact", "Effect_Impact"]),
            feature_type: first(&["Feature_type"]),
            preferred: [at("MANE_SELECT"), at("MANE_PLUS_CLINICAL"), at("CANONICAL"), at("PICK")],
        }
    }
}

fn same_transcript(kind: &str) -> bool {
    kind.is_empty() || kind.eq_ignore_ascii_case("transcript")
}

fn spill(spilled: &mut BTreeMap<usize, String>, row: usize, id: &str, entry: &str) {
    let text = spilled.entry(row).or_default();
    if text.is_empty() {
        text.push_str(id);
        text.push('=');
    } else {
        text.push(',');
    }
    text.push_str(entry);
}

fn too_many() -> Error {
    Error::input("a batch has more than 2^31 annotation entries").with_hint("lower `unit`")
}
