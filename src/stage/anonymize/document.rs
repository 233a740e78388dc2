//! Replaces sample names in the document: the samples themselves, and header lines that name them. It must not know where
//! pseudonyms come from.

use std::collections::HashMap;

use crate::error::Result;
use crate::flow::{Document, HeaderLine, SampleId};
use crate::phi::{Names, headers, names};
use crate::sensitive::Sensitive;

/// The names still in a document, input by input, in order.
pub(super) fn names_in(document: &Document) -> Vec<Sensitive<String>> {
    let samples = document.inputs.iter().flat_map(|input| &input.samples);
    let names = samples.filter_map(|sample| match sample {
        SampleId::Name(name) => Some(name.clone()),
        SampleId::Pseudonym(_) => None,
    });
    names.collect()
}

/// Replaces every name: `pseudonyms` has one for each of `names`. Returns how many samples each input had renamed.
pub(super) fn rewrite(document: &mut Document, names: &[Sensitive<String>], pseudonyms: &[String]) -> Result<Vec<u64>> {
    let known: HashMap<&str, &str> =
        names.iter().zip(pseudonyms).map(|(name, pseudonym)| (name.expose().as_str(), pseudonym.as_str())).collect();
    let searched: Vec<(&str, &str)> =
        known.iter().map(|(name, pseudonym)| (*name, *pseudonym)).filter(|(name, _)| names::searched_in_headers(name)).collect();
    let words = Names::new(searched.iter().map(|(name, _)| *name))?;
    let pseudonym = |index: usize| searched.get(index).map_or("", |(_, pseudonym)| *pseudonym);
    let in_text = |text: &str| words.as_ref().and_then(|words| words.replace(text, pseudonym));

    let mut renamed = Vec::with_capacity(document.inputs.len());
    for input in &mut document.inputs {
        input.lines.iter_mut().for_each(|line| rewrite_line(line, &known, &in_text));
        let mut count = 0;
        for sample in &mut input.samples {
            if let SampleId::Name(name) = sample
                && let Some(pseudonym) = known.get(name.expose().as_str())
            {
                *sample = SampleId::Pseudonym((*pseudonym).to_owned());
                count += 1;
            }
        }
        renamed.push(count);
    }
    Ok(renamed)
}

fn rewrite_line(line: &mut HeaderLine, known: &HashMap<&str, &str>, in_text: &impl Fn(&str) -> Option<String>) {
    let lists_samples = headers::names_samples(&line.key);
    let mut id = None;
    let value = headers::rewrite(&line.value, |name, value| {
        // rows and schema repeat these ids
        if name == "ID" && headers::id_is_structural(&line.key) {
            return None;
        }
        let whole = lists_samples.then(|| known.get(value).map(|pseudonym| (*pseudonym).to_owned())).flatten();
        let new = whole.or_else(|| if lists_samples { in_list(value, known) } else { None }).or_else(|| in_text(value))?;
        if name == "ID" {
            id = Some(new.clone());
        }
        Some(new)
    });
    if let Some(value) = value {
        line.value = value;
    }
    if let Some(id) = id {
        line.id = Some(id);
    }
    if let Some(key) = in_text(&line.key) {
        line.key = key;
    }
}

/// A list of names, such as `[S1, S2]`.
fn in_list(value: &str, known: &HashMap<&str, &str>) -> Option<String> {
    let items = value.strip_prefix('[')?.strip_suffix(']')?;
    let new: Vec<&str> = items.split(',').map(str::trim).map(|item| known.get(item).copied().unwrap_or(item)).collect();
    Some(format!("[{}]", new.join(",")))
}
