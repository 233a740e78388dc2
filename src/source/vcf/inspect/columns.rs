//! Which fields become columns: those of all headers, those that are asked for, annotations. It must not know files.

use std::collections::{HashMap, HashSet};

use crate::error::Result;
use crate::flow::{Notice, Number, VcfType, Word};
use crate::phi::Words;
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
pub(crate) fn choose(
    config: &Config,
    limits: &Limits,
    headers: &[&Header],
    words: &Words,
    notices: &mut Vec<Notice>,
) -> Result<Columns> {
    let mut fields = header::merge(headers.iter().copied());
    fields.info.iter_mut().for_each(|field| field.word = known(field, true, words));
    fields.formats.iter_mut().for_each(|field| field.word = known(field, false, words));
    let word = |column: &str, id: &str| {
        let list = if column == "INFO" { &fields.info } else { &fields.formats };
        list.iter().find(|field| field.id == id).map_or(Word::Undeclared, |field| field.word)
    };
    notices.extend(fields.notices.iter().map(|differing| Notice { input: 1, text: differing.text(word) }));
    let minor = headers.iter().map(|header| header.minor).max().unwrap_or(2);
    let annotations = annotation::plan(config, headers, &fields, notices)?;
    let mut info = match &config.info {
        Info::Word(InfoWord::All) => Some((0..fields.info.len()).collect::<Vec<_>>()),
        Info::Word(InfoWord::None) => None,
        Info::Ids(ids) => Some(places(ids, &mut fields.info, "INFO", words, |id| reserved::usual_info(id, minor), notices)),
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
        (Some(ids), _) => {
            Some(places(ids, &mut fields.formats, "FORMAT", words, |id| reserved::usual_format(id, minor), notices))
        }
    };
    let catch_all =
        CatchAll { info: config.info == Info::Word(InfoWord::All), calls: calls.is_some() && config.formats.is_none() };
    limits.check_fields(info.iter().chain(&calls).map(Vec::len).sum())?;
    let layout = lay_out(&fields, info.as_deref(), &annotations, calls.as_deref(), catch_all);
    Ok(Columns { fields, catch_all, layout })
}

/// What is known of a field's id: declared by a header or the specification, it may still name somebody.
fn known(field: &Field, info: bool, words: &Words) -> Word {
    match field.word {
        _ if reserved::is_reserved(&field.id, info) => Word::Known,
        Word::Undeclared => Word::Undeclared,
        _ => of_asked(&field.id, words),
    }
}

/// The same for an id that is declared, or that the pipeline asks for.
fn of_asked(id: &str, words: &Words) -> Word {
    if words.flaw(id).is_none() { Word::Known } else { Word::Named }
}

/// Where the fields asked for stand among all fields; those that no header declares are added.
fn places(
    ids: &[String],
    fields: &mut Vec<Field>,
    place: &str,
    words: &Words,
    usual: impl Fn(&str) -> Option<Declaration>,
    notices: &mut Vec<Notice>,
) -> Vec<usize> {
    let known = fields.iter().filter(|field| field.word == Word::Known);
    let declared: Vec<String> = known.map(|field| field.id.clone()).collect();
    let mut known: HashMap<String, usize> = fields.iter().enumerate().map(|(at, field)| (field.id.clone(), at)).collect();
    let (mut chosen, mut seen) = (Vec::new(), HashSet::new());
    for id in ids {
        let at = *known.entry(id.clone()).or_insert_with(|| {
            let (number, kind) = usual(id).map_or((Number::Unknown, VcfType::String), |known| (known.number, known.kind));
            let (number_text, kind_text) = (number.text(), kind.text());
            let field = Field { id: id.clone(), number, kind, inferred: true, word: of_asked(id, words) };
            let told = field.told(place);
            let meant = nearest(id, declared.iter().map(String::as_str));
            let meant = meant.map(|meant| format!(" (did you mean {meant}?)"));
            let text = format!(
                "no input declares {told}{}; records that have it are read as Number={number_text}, Type={kind_text}",
                meant.unwrap_or_default()
            );
            notices.push(Notice { input: 1, text });
            fields.push(field);
            fields.len() - 1
        });
        if let Some(field) = fields.get_mut(at)
            && field.word == Word::Undeclared
        {
            field.word = of_asked(id, words);
        }
        if seen.insert(at) {
            chosen.push(at);
        }
    }
    chosen
}
