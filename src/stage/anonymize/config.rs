//! What a pipeline file says under `anonymize`. It must not know the vault.

/// Replaces sample names by pseudonyms.
///
/// A pseudonym is random, not derived from the name (45 CFR 164.514(c)), and the same name has the same one in every load.
/// The link is kept in the vault: the name encrypted, found again by a keyed index. Replaced are the sample names of every
/// input, and the same names, as whole words, in header lines, in `ids` and `filters`, and in text of `info.*` and `calls.*`.
///
/// A short name is also an ordinary word, so text is searched only for names of at least 4 characters (6 when all are
/// digits); header text also for shorter ones with a letter and a digit (`S1`); lines that list samples (`##SAMPLE`,
/// `##PEDIGREE`, `##META`, `##tumor_sample`) for every name. Words for a part, such as `TUMOR` or `mother`, name nobody and
/// stay in text. Genotypes remain personal data: pseudonyms do not make a cohort anonymous (45 CFR 164.514(b)).
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Where pseudonyms come from.
    #[serde(default)]
    pub samples: Samples,
    /// Name of the key ring under `keys:` that protects the vault's entries.
    #[serde(default = "vault")]
    pub key: String,
    /// Name of the database that holds the vault. Default: the one the sink writes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
}

/// Where pseudonyms come from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Samples {
    /// The vault of a database (`phi_vault`).
    #[default]
    Vault,
}

fn vault() -> String {
    "vault".to_owned()
}

impl Default for Config {
    fn default() -> Self {
        Self { samples: Samples::Vault, key: vault(), database: None }
    }
}
