//! Replaces known names of samples in header lines: where lines list samples, and as words of text. It must not know where the
//! replacements come from.

use std::collections::HashMap;

use super::{Names, headers, names};
use crate::error::Result;

/// Names and what stands in their place.
pub struct Renames<'a> {
    known: HashMap<&'a str, &'a str>,
    words: Option<Names>,
    /// By the index of `words`.
    replacements: Vec<&'a str>,
}

impl<'a> Renames<'a> {
    /// Pairs of a name and its replacement.
    pub fn new(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self> {
        let known: HashMap<&str, &str> = pairs.into_iter().collect();
        let searched = known.iter().filter(|(name, _)| names::searched_in_headers(name));
        let (searched, replacements): (Vec<&str>, Vec<&str>) = searched.map(|(name, new)| (*name, *new)).unzip();
        Ok(Self { words: Names::new(searched)?, known, replacements })
    }

    /// What stands in the place of this very name.
    pub fn of(&self, name: &str) -> Option<&'a str> {
        self.known.get(name).copied()
    }

    /// Rewrites a line `##key=value` and its `ID`.
    pub fn line(&self, key: &mut String, id: &mut Option<String>, value: &mut String) {
        let lists_samples = headers::names_samples(key);
        let rewritten = headers::rewrite(value, |name, value| {
            // rows and schema repeat these ids
            if name == "ID" && headers::id_is_structural(key) {
                return None;
            }
            let whole = lists_samples.then(|| self.of(value).map(str::to_owned)).flatten();
            let new = whole.or_else(|| if lists_samples { self.list(value) } else { None }).or_else(|| self.text(value))?;
            if name == "ID" {
                *id = Some(new.clone());
            }
            Some(new)
        });
        if let Some(rewritten) = rewritten {
            *value = rewritten;
        }
        if let Some(new) = self.text(key) {
            *key = new;
        }
    }

    fn text(&self, text: &str) -> Option<String> {
        self.words.as_ref()?.replace(text, |index| self.replacements.get(index).copied().unwrap_or_default())
    }

    /// A list of names, such as `[S1, S2]`.
    fn list(&self, value: &str) -> Option<String> {
        let items = value.strip_prefix('[')?.strip_suffix(']')?;
        let new: Vec<&str> = items.split(',').map(str::trim).map(|item| self.of(item).unwrap_or(item)).collect();
        Some(format!("[{}]", new.join(",")))
    }
}
