//! A pipeline file as written: types, reading, overrides, and every mistake at once with its place.
//! It must not know how a component works, and opens neither inputs, keys nor databases.

mod check;
mod mistake;
mod overrides;
mod paths;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use mistake::{Mistake, Mistakes};

use crate::db::DatabaseSpec;
use crate::error::why;
use crate::registry::{SinkSpec, SourceSpec, StageSpec};
use crate::secrets::SecretRef;
use crate::yaml::{self, Node, Place};

/// A pipeline: what comes in, what happens to it, where it goes.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Pipeline {
    /// Version of this file's format; always 1.
    #[schemars(range(min = 1, max = 1))]
    pub version: u32,
    /// A name for reports and the audit trail. Not a patient's.
    #[schemars(length(min = 1))]
    pub name: String,
    /// The guarantees the planner must prove. `hipaa` when absent.
    #[serde(default)]
    pub profile: Profile,
    /// Where records come from.
    pub source: SourceSpec,
    /// What happens to them, in order.
    #[serde(default)]
    pub stages: Vec<StageSpec>,
    /// Where rows go.
    pub sink: SinkSpec,
    /// Databases by name. `local`, the managed one, is always there.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub databases: BTreeMap<String, DatabaseSpec>,
    /// Key rings by name: `{ env: NAME }` or `{ file: PATH }`. `vault` and `clinical` fall back to the rings that
    /// `genogate db start` made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub keys: BTreeMap<String, SecretRef>,
}

/// What the planner must prove before a pipeline may run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Profile {
    /// No identifier and no free text about a person reaches the sink in plain text (45 CFR 164.514).
    #[default]
    Hipaa,
    /// Public data, or data without identifiers by agreement: nothing is proven, everything is audited.
    Open,
}

impl Profile {
    /// The word used in files and reports.
    pub fn name(self) -> &'static str {
        match self {
            Profile::Hipaa => "hipaa",
            Profile::Open => "open",
        }
    }
}

/// A pipeline and where it was read, so that later phases can point into the file.
#[derive(Clone, Debug)]
pub struct Spec {
    pub pipeline: Pipeline,
    /// The folder that relative paths inside the file resolve against.
    pub base: PathBuf,
    file: String,
    tree: Node,
}

impl Spec {
    /// Reads a pipeline file, applies `${NAME}` and `--set` overrides, and reports every mistake at once.
    pub fn read(path: &Path, sets: &[String]) -> Result<Self, Mistakes> {
        let file = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| {
            let hint = "genogate check --help shows an example; pipelines/ holds shipped ones";
            Mistakes::one(&file, Mistake::new(Place::OUTSIDE, format!("cannot be read: {}", why(error.kind()))).hint(hint))
        })?;
        let base = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
        Self::parse(&file, &text, &base, sets, |name| std::env::var(name).ok())
    }

    /// The same for a text; `variable` looks up `${NAME}`.
    pub fn parse(
        file: &str,
        text: &str,
        base: &Path,
        sets: &[String],
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, Mistakes> {
        let fail = |mistakes| Mistakes::new(file, mistakes);
        let mut tree = yaml::parse(text).map_err(|error| fail(vec![Mistake::new(error.place, error.message)]))?;
        let mut mistakes = Vec::new();
        overrides::substitute(&mut tree, &variable, &mut mistakes);
        overrides::apply(&mut tree, sets, &mut mistakes);
        let before = mistakes.len();
        overrides::passwords(&tree, &mut mistakes);
        // Other mistakes quote what is written.
        if mistakes.len() > before {
            return Err(fail(mistakes.split_off(before)));
        }
        let schema = schema();
        paths::from_here(&mut tree, &schema);
        check::against(&tree, &schema, &mut mistakes);
        if !mistakes.is_empty() {
            return Err(fail(mistakes));
        }
        let pipeline = serde_json::from_value(tree.to_json())
            .map_err(|error| fail(vec![Mistake::new(tree.place, format!("does not fit the schema: {error}"))]))?;
        Ok(Self { pipeline, base: base.to_owned(), file: file.to_owned(), tree })
    }

    /// A pipeline built from command-line flags, in the file's own structure; paths resolve against the working folder.
    pub fn from_json(pipeline: &serde_json::Value, sets: &[String]) -> Result<Self, Mistakes> {
        // JSON is YAML (YAML 1.2, section 1.3). Its lines and columns nobody has typed, so there is no file to name.
        Self::parse("", &pipeline.to_string(), Path::new("."), sets, |_| None)
    }

    /// Where a part of the file stands: the deepest node along `path` that was written.
    pub fn place(&self, path: &[&str]) -> Place {
        let path: Vec<String> = path.iter().map(|part| (*part).to_owned()).collect();
        self.tree.nearest(&path).place
    }

    /// Turns mistakes found by later phases into the one error that lists them.
    pub fn mistakes(&self, mistakes: Vec<Mistake>) -> Mistakes {
        Mistakes::new(&self.file, mistakes)
    }
}

/// The JSON Schema (draft 2020-12) of a pipeline file, rendered from the types above.
pub fn schema() -> serde_json::Value {
    schemars::schema_for!(Pipeline).to_value()
}

/// The pipeline as a YAML text that reads back as the same pipeline. JSON is YAML (YAML 1.2, section 1.3), so scalars and
/// flow collections are written as JSON and only the outer structure is indented.
pub fn to_yaml(pipeline: &Pipeline) -> String {
    let mut text = String::new();
    if let Ok(serde_json::Value::Object(map)) = serde_json::to_value(pipeline) {
        for (key, value) in &map {
            overrides::write_yaml(&mut text, 0, key, value);
        }
    }
    text
}

#[cfg(test)]
mod tests;
