//! What a pipeline file says under `sanitize`. It must not know how a policy is applied.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::policy::Source;
use super::stage::Sanitize;
use crate::error::{Error, Result};
use crate::flow::Stage;

/// Removes what is not known to be harmless: header lines and text values pass only where a policy file says so.
///
/// Header lines: the policy lists the keys, attributes and grammars that travel on; everything else is dropped, free-text
/// descriptions are replaced by the specification's own words or dropped. Text fields: every value of a field in the
/// policy is checked against a closed vocabulary or a grammar; a value that does not fit becomes null and is counted. Of an
/// annotation that was taken apart every sub-field is checked by its own rule, and a sub-field's name that the policy does
/// not know becomes `field_N`. A
/// text field that is not in the policy is dropped or encrypted as a whole. Checked fields count as clinical, `ids` as
/// public. A grammar says what a value looks like, not that it is true: keep free text out of the policy.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Header policy, a YAML file. Default: the built-in copy of `pipelines/header-policy.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub headers: Option<PathBuf>,
    /// Text fields of INFO and FORMAT, IDs and filters.
    #[serde(default)]
    pub text: Text,
}

/// What happens to text fields.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Text {
    /// Fields that may stay and what their values look like, a YAML file. Default: the built-in copy of
    /// `pipelines/text-fields.yaml`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow: Option<PathBuf>,
    /// What happens to a text field that is not in the policy.
    #[serde(default)]
    pub otherwise: Otherwise,
    /// Name of the key ring under `keys:` for `otherwise: encrypt`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
}

/// What happens to a text field that is not in the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Otherwise {
    /// The column is removed from the flow.
    #[default]
    Drop,
    /// The column is encrypted as the stage `encrypt` does.
    Encrypt,
}

impl Config {
    /// The stage. Reads the policy files, relative to `base`; opens no key.
    ///
    /// # Errors
    /// Class `usage`: a policy file that cannot be read or has mistakes (all of them), a missing or needless `key`.
    pub fn build(&self, base: &Path) -> Result<Arc<dyn Stage>> {
        let key = match (self.text.otherwise, &self.text.key) {
            (Otherwise::Encrypt, Some(key)) => Some(key.clone()),
            (Otherwise::Drop, None) => None,
            (Otherwise::Encrypt, None) => {
                return Err(Error::usage("sanitize: text.otherwise: encrypt needs the name of a key ring")
                    .with_hint("write text: { otherwise: encrypt, key: clinical }"));
            }
            (Otherwise::Drop, Some(_)) => {
                return Err(Error::usage("sanitize: text.key is given, but nothing is encrypted")
                    .with_hint("write text: { otherwise: encrypt, key: … }, or leave the key out"));
            }
        };
        let headers = Source::headers(self.headers.as_deref(), base)?.header_policy()?;
        let fields = Source::text(self.text.allow.as_deref(), base)?.text_policy()?;
        let origin = |path: &Option<PathBuf>| if path.is_some() { "file" } else { "built-in" };
        let origins = format!("headers={} text={}", origin(&self.headers), origin(&self.text.allow));
        Ok(Arc::new(Sanitize::new(headers, fields, key, origins)))
    }
}
