//! Where secrets come from: environment variables and files, never a pipeline file, a URL or an argument.
//! It must not know what a secret is used for.

mod home;
mod keys;
mod read;
mod ring;

use std::path::PathBuf;

pub use home::{home, home_from};
pub use keys::Keys;
pub use read::write_private;
pub use ring::KeyRing;

/// Where a secret lies. One of the two, as a one-entry map: `{ env: NAME }` or `{ file: PATH }`.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum SecretRef {
    /// Name of an environment variable.
    Env(String),
    /// Path of a file that only its owner may read.
    File(#[schemars(extend("x-path" = true))] PathBuf),
}
