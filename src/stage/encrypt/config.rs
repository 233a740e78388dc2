//! What a pipeline file says under `encrypt`. It must not know ciphers.

/// Encrypts columns with AES-256-GCM (NIST SP 800-38D).
///
/// Every value is sealed by itself, so rows stay loadable and countable; nulls stay null. An INFO or fixed column becomes
/// one binary value a row (a list is sealed as a whole), a `calls.*` column one binary value a call. What is sealed is the
/// value as JSON. Each value names its key and is bound to its column: moved to another column it does not open.
/// Ciphertext shows how long a value is.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Names of the columns, such as `info.NOTE` or `calls.COMMENT`.
    #[schemars(length(min = 1))]
    pub columns: Vec<String>,
    /// Name of the key ring under `keys:`. New values are sealed with its newest key.
    pub key: String,
}
