//! What is wrong with a pipeline file: where, what, and what to do. It must not know who found it.

use std::fmt;

use crate::error::Error;
use crate::text::nearest;
use crate::yaml::Place;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    pub place: Place,
    pub message: String,
    pub hint: Option<String>,
}

impl Mistake {
    /// A mistake at a place.
    pub fn new(place: Place, message: impl Into<String>) -> Self {
        Self { place, message: message.into(), hint: None }
    }

    /// Adds what to do about it.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Every mistake of one file, in file order. Flags make a pipeline that stands in no file: its name is empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes {
    pub file: String,
    pub list: Vec<Mistake>,
}

impl Mistakes {
    pub(super) fn new(file: &str, mut list: Vec<Mistake>) -> Self {
        list.sort_by_key(|mistake| mistake.place);
        Self { file: file.to_owned(), list }
    }

    pub(super) fn one(file: &str, mistake: Mistake) -> Self {
        Self::new(file, vec![mistake])
    }

    /// One JSON object a mistake: `file, line, column, message, hint`.
    pub fn to_json(&self) -> Vec<serde_json::Value> {
        let written = |number: usize| (!self.file.is_empty()).then_some(number);
        let object = |m: &Mistake| serde_json::json!({"file": self.file, "line": written(m.place.line), "column": written(m.place.column), "message": m.message, "hint": m.hint});
        self.list.iter().map(object).collect()
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, mistake) in self.list.iter().enumerate() {
            if i > 0 {
                writeln!(f)?;
            }
            match mistake.place {
                _ if self.file.is_empty() => write!(f, "{}", mistake.message)?,
                Place::OUTSIDE => write!(f, "{}: {}", self.file, mistake.message)?,
                Place { line, column } => write!(f, "{}:{line}:{column}: {}", self.file, mistake.message)?,
            }
            if let Some(hint) = &mistake.hint {
                write!(f, "\n    {hint}")?;
            }
        }
        Ok(())
    }
}

impl From<Mistakes> for Error {
    fn from(mistakes: Mistakes) -> Self {
        Error::usage(mistakes.to_string())
    }
}

/// A hint that names the nearest of the words that would have been right.
pub fn did_you_mean<'a>(wrong: &str, right: impl IntoIterator<Item = &'a str>) -> String {
    let right: Vec<&str> = right.into_iter().collect();
    match nearest(wrong, right.iter().copied()) {
        Some(word) => format!("did you mean `{word}`?"),
        _ if right.is_empty() => "nothing is allowed here".into(),
        _ => format!("one of: {}", right.join(", ")),
    }
}
