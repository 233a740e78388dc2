//! What an annotation becomes, decided from all inputs' headers: its nested column and its flat ones. It must not know
//! records.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field as ArrowField};

use super::format::{Tool, same, subfields, tool_of};
use super::leaf::Leaf;
use crate::error::{Error, Result};
use crate::flow::{Notice, Number, VcfType, annotation, column, vcf_field};
use crate::source::vcf::config::{Annotation, Config, Conformance};
use crate::source::vcf::header::{Fields, Header};

/// One annotation of a load.
#[derive(Debug)]
pub(crate) struct Planned {
    /// The INFO id.
    pub id: String,
    /// Index into [`Fields::info`].
    pub info: usize,
    pub(super) tool: Tool,
    /// The sub-fields of all inputs, in order of first appearance.
    pub(super) children: Vec<Child>,
    /// For each input the child of every position; `None` when its header lists no sub-fields.
    pub(super) inputs: Vec<Option<Vec<usize>>>,
    pub(super) worst: Vec<Worst>,
}

/// A sub-field.
#[derive(Debug)]
pub(super) struct Child {
    pub name: String,
    /// It is asked for in the nested column.
    pub kept: bool,
}

/// A flat column: one value an ALT, of its most severe entry.
#[derive(Debug)]
pub(super) struct Worst {
    pub name: &'static str,
    /// The child its values come from; the column `impact` without one is made from the consequence.
    pub child: Option<usize>,
    subfield: String,
}

/// The flat columns of each tool, and the sub-fields they are filled from: the first that is declared.
fn flat(tool: Tool) -> &'static [(&'static str, &'static [&'static str])] {
    match tool {
        Tool::Vep => &[
            ("gene", &["SYMBOL", "HGNC"]),
            ("gene_id", &["Gene"]),
            ("transcript", &["Feature", "TranscriptID"]),
            ("consequence", &["Consequence"]),
            ("impact", &["IMPACT"]),
            ("hgvsc", &["HGVSc"]),
            ("hgvsp", &["HGVSp"]),
        ],
        Tool::Ann => &[
            ("gene", &["Gene_Name"]),
            ("gene_id", &["Gene_ID"]),
            ("transcript", &["Feature_ID"]),
            ("consequence", &["Annotation"]),
            ("impact", &["Annotation_Impact"]),
            ("hgvsc", &["HGVS.c"]),
            ("hgvsp", &["HGVS.p"]),
        ],
        Tool::Eff => &[
            ("gene", &["Gene_Name"]),
            ("transcript", &["Transcript_ID", "Transcript"]),
            ("consequence", &["Effect"]),
            ("impact", &["Effect_Impact"]),
        ],
        Tool::Bcsq => &[
            ("gene", &["gene"]),
            ("transcript", &["transcript"]),
            ("consequence", &["Consequence"]),
            ("impact", &[]),
            ("amino_acid_change", &["amino_acid_change"]),
            ("dna_change", &["dna_change"]),
        ],
    }
}

/// Plans what `config` asks for.
///
/// # Errors
/// Class `usage` when no input declares an annotation that is asked for, or an asked-for sub-field is not declared; class
/// `input` with `conformance: strict` when a declaration lists no sub-fields, or where a flat column has an INFO field's name.
pub(crate) fn plan(
    config: &Config,
    headers: &[&Header],
    fields: &Fields,
    notices: &mut Vec<Notice>,
) -> Result<Vec<Arc<Planned>>> {
    let mut plans: Vec<Arc<Planned>> = Vec::new();
    for (key, wanted, ids) in [
        ("csq", &config.csq, &["CSQ", "vep"][..]),
        ("ann", &config.ann, &["ANN", "EFF"][..]),
        ("bcsq", &config.bcsq, &["BCSQ"][..]),
    ] {
        if !wanted.is_wanted() {
            continue;
        }
        let declared = |id: &&str| fields.info.iter().position(|field| field.id == *id && !field.inferred);
        let found = match wanted.id() {
            Some(id) => declared(&id).map(|at| (id, at)),
            None => ids.iter().find_map(|id| declared(id).map(|at| (*id, at))),
        };
        let Some((id, info)) = found else {
            let id = wanted.id().unwrap_or(ids[0]);
            return Err(Error::usage(format!("`{key}` is asked for, but no input declares INFO/{id}"))
                .with_hint(format!("name the field, such as `{key}: {}`, or leave `{key}` out", ids[ids.len() - 1])));
        };
        if plans.iter().any(|plan| plan.info == info) {
            return Err(Error::usage(format!("INFO/{id} is asked for by two of `csq`, `ann` and `bcsq`")));
        }
        let tool = match key {
            "csq" => Tool::Vep,
            "bcsq" => Tool::Bcsq,
            _ if id == "EFF" => Tool::Eff,
            _ => Tool::Ann,
        };
        let told = headers.iter().find_map(|header| tool_of(&header.description("INFO", id)?));
        let tool = match told {
            Some(told) if told != tool => {
                let text = format!("the description of INFO/{id} is {}'s: it is read as such", told.name());
                notices.push(Notice { input: 1, text });
                told
            }
            _ => tool,
        };
        if !matches!(fields.info.get(info).map(|field| field.kind), Some(VcfType::String)) {
            notices.push(Notice { input: 1, text: format!("INFO/{id} is no text and not taken apart") });
            continue;
        }
        plans.extend(one(key, wanted, (id, info, tool), headers, config.conformance, notices)?.map(Arc::new));
    }
    for (plan, worst) in plans.iter().flat_map(|plan| plan.worst.iter().map(move |worst| (plan, worst))) {
        let name = format!("{}.{}", plan.id, worst.name);
        if fields.info.iter().any(|field| field.id == name) {
            return Err(Error::input(format!(
                "an input declares INFO/{name}, which is a column of the annotation INFO/{}",
                plan.id
            ))
            .with_hint("rename the field, or load the annotation as text"));
        }
    }
    Ok(plans)
}

fn one(
    key: &str,
    wanted: &Annotation,
    (id, info, tool): (&str, usize, Tool),
    headers: &[&Header],
    conformance: Conformance,
    notices: &mut Vec<Notice>,
) -> Result<Option<Planned>> {
    let mut names: Vec<String> = Vec::new();
    let mut inputs = Vec::new();
    for (number, header) in (1..).zip(headers) {
        let description = header.description("INFO", id);
        let listed = description.as_deref().and_then(|text| subfields(tool, text));
        if listed.is_none() && description.is_some() {
            let text = format!("the description of INFO/{id} lists no sub-fields; its text is kept");
            if conformance == Conformance::Strict {
                return Err(Error::input(text).at(format!("input {number}")));
            }
            notices.push(Notice { input: number, text });
        }
        inputs.push(listed.map(|listed| {
            let place = |name: String| match names.iter().position(|known| same(known, &name)) {
                Some(at) => at,
                None => {
                    names.push(name);
                    names.len() - 1
                }
            };
            listed.into_iter().map(place).collect()
        }));
    }
    if names.is_empty() {
        return Ok(None);
    }
    let chosen = wanted.fields();
    for field in chosen.into_iter().flatten() {
        if !names.iter().any(|name| same(name, field)) {
            return Err(Error::usage(format!("`{key}.fields`: no input declares the sub-field {field} of INFO/{id}")));
        }
    }
    let kept = |name: &str| chosen.is_none_or(|chosen| chosen.iter().any(|field| same(field, name)));
    let child = |wanted: &&&str| names.iter().position(|name| same(name, wanted));
    let has_consequence = names.iter().any(|name| same(name, "Consequence"));
    let worst = flat(tool).iter().filter_map(|(name, sources)| {
        let child = sources.iter().find_map(|source| child(&source));
        match child {
            Some(at) if Leaf::of(tool, &names[at]) == Leaf::Text || *name == "consequence" => {
                Some(Worst { name, child: Some(at).filter(|_| *name != "consequence"), subfield: names[at].clone() })
            }
            None if sources.is_empty() && has_consequence => Some(Worst { name, child: None, subfield: (*name).to_owned() }),
            _ => None,
        }
    });
    let worst = worst.collect();
    let children = names.iter().map(|name| Child { name: name.clone(), kept: kept(name) }).collect();
    Ok(Some(Planned { id: id.to_owned(), info, tool, children, inputs, worst }))
}

impl Planned {
    /// The type of the nested column: a list of the record's entries, each with `alt_index` and its sub-fields.
    pub(super) fn entries_type(&self) -> DataType {
        let mut fields = vec![ArrowField::new(annotation::ALT_INDEX, DataType::Int32, true)];
        let kept = self.children.iter().filter(|child| child.kept);
        fields.extend(kept.map(|child| ArrowField::new(&child.name, Leaf::of(self.tool, &child.name).arrow(), true)));
        if self.tool == Tool::Bcsq {
            fields.push(ArrowField::new("after_stop", DataType::Boolean, true));
            fields.push(ArrowField::new("see_pos", DataType::Int64, true));
        }
        DataType::new_list(DataType::Struct(fields.into()), true)
    }

    /// The nested column.
    pub(crate) fn entries(&self) -> ArrowField {
        let field = ArrowField::new(format!("{}{}", column::INFO, self.id), self.entries_type(), true);
        annotation::mark(vcf_field(field, Number::Unknown, VcfType::String), &self.id, None)
    }

    /// The flat columns.
    pub(crate) fn flat(&self) -> impl Iterator<Item = ArrowField> + '_ {
        self.worst.iter().map(|worst| {
            let name = format!("{}{}.{}", column::INFO, self.id, worst.name);
            let field = ArrowField::new(name, DataType::new_list(DataType::Utf8, true), true);
            annotation::mark(vcf_field(field, Number::A, VcfType::String), &self.id, Some(&worst.subfield))
        })
    }
}
