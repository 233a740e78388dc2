//! Which fields become columns: those of all headers, those that are asked for, annotations. It must not know files.

use std::collections::{HashMap, HashSet};

use crate::error::Result;
use crate::flow::{Notice, Number, VcfType};
use crate::source::vcf::annotation;
use crate::source::vcf::config::{Calls, Config, Info, InfoWord};
use crate::source::vcf::header::{self, Declaration, Field, Fields, Header, reserved};
use crate::source::vcf::limits::Limits;
use crate::source::vcf::schema::{Layout, lay_out};
use crate::source::vcf::slot::CatchAll;
use crate::text::nearest;

/// The columns of a load.
pub(crate) struct Columns {
    pub fields: Fields,
    pub catch_all: CatchAll,
    pub layout: Layout,
}

/// Chooses them, adding fields that are asked for and no header declares.
///
/// # Errors
/// Those of [`annotation::plan`], and class `input` for more than the limit.
pub(crate) fn choose(config: &Config, limits: &Limits, headers: &[&Header], notices: &mut Vec<Notice>) -> Result<Columns> {
    let mut fields = header::merge(headers.iter().copied());
    notices.extend(std::mem::take(&mut fields.notices).into_iter().map(|text| Notice { input: 1, text }));
    let minor = headers.iter().map(|header| header.minor).max().unwrap_or(2);
    let annotations = annotation::plan(config, headers, &fields, notices)?;
    let mut info = match &config.info {
        Info::Word(InfoWord::All) => Some((0..fields.info.len()).collect::<Vec<_>>()),
        Info::Word(InfoWord::None) => None,
        Info::Ids(ids) => Some(places(ids, &mut fields.info, "INFO", |id| reserved::usual_info(id, minor), notices)),
    };
    for annotation in &annotations {
        let chosen = info.get_or_insert_with(Vec::new);
        if !chosen.contains(&annotation.info) {
            chosen.push(annotation.info);
        }
    }
    let calls = match (&config.formats, config.calls) {
        (_, Calls::None) => None,
        (None, _) => Some((0..fields.formats.len()).collect()),
        (Some(ids), _) => Some(places(ids, &mut fields.formats, "FORMAT", |id| reserved::usual_format(id, minor), notices)),
    };
    let catch_all =
        CatchAll { info: config.info == Info::Word(InfoWord::All), calls: calls.is_some() && config.formats.is_none() };
    limits.check_fields(info.iter().chain(&calls).map(Vec::len).sum())?;
    let layout = lay_out(&fields, info.as_deref(), &annotations, calls.as_deref(), catch_all);
    Ok(Columns { fields, catch_all, layout })
}

/// Where the fields asked for stand among all fields; those that no header declares are added.
fn places(
    ids: &[String],
    fields: &mut Vec<Field>,
    place: &str,
    usual: impl Fn(&str) -> Option<Declaration>,
    notices: &mut Vec<Notice>,
) -> Vec<usize> {
    let declared: Vec<String> = fields.iter().map(|field| field.id.clone()).collect();
    let mut known: HashMap<String, usize> = fields.iter().enumerate().map(|(at, field)| (field.id.clone(), at)).collect();
    let (mut chosen, mut seen) = (Vec::new(), HashSet::new());
    for id in ids {
        let at = *known.entry(id.clone()).or_insert_with(|| {
            let (number, kind) = usual(id).map_or((Number::Unknown, VcfType::String), |known| (known.number, known.kind));
            let (number_text, kind_text) = (number.text(), kind.text());
            let meant = nearest(id, declared.iter().map(String::as_str)).map(|meant| format!(" (did you mean {meant}?)"));
            let text = format!(
                "no input declares {place}/{id}{}; records that have it are read as Number={number_text}, Type={kind_text}",
                meant.unwrap_or_default()
            );
            notices.push(Notice { input: 1, text });
            fields.push(Field { id: id.clone(), number, kind, inferred: true });
            fields.len() - 1
        });
        if seen.insert(at) {
            chosen.push(at);
        }
    }
    chosen
}
