//! What a pipeline file says under `filter`, `derive` and `select`. It must not know plans.

use std::collections::BTreeMap;

/// Keeps the rows for which a DataFusion expression is true: `qual >= 30 AND info.AF < 0.01`. A genotype is a struct of
/// `alleles` (numbers, null for `.`) and `phased`: `array_any_match(calls.GT, g -> array_has(g['alleles'], 1))`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Filter(pub String);

/// New columns from DataFusion expressions: `{ name: expression }`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Derive(pub BTreeMap<String, String>);

/// Keeps these columns only.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(transparent)]
pub struct Select(pub Vec<String>);
