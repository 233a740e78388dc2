//! What a pipeline file says under `sanitize`. It must not know how a policy is applied.

use std::path::PathBuf;

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
    #[schemars(extend("x-path" = true))]
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
    #[schemars(extend("x-path" = true))]
    pub allow: Option<PathBuf>,
    /// Symbols of genes that are approved beside the shipped ones (the HGNC's and Ensembl's of human genes), a file with one a
    /// line. Any other symbol stays only in an annotation's entry that holds an accession of Ensembl or RefSeq.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-path" = true))]
    pub symbols: Option<PathBuf>,
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
