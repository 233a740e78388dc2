//! How much text a unit of work holds, as the sections of source and sink write it. It must not know how files are cut.

use crate::error::{Error, Result};
use crate::text;

/// A size in bytes: a number, or a text with KiB, MiB or GiB (KB, MB, GB count in thousands).
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum UnitSize {
    /// Bytes.
    Bytes(u64),
    /// A number with a unit of measure.
    Text(String),
}

impl Default for UnitSize {
    fn default() -> Self {
        UnitSize::Text("16MiB".into())
    }
}

impl UnitSize {
    /// The size in bytes.
    ///
    /// # Errors
    /// Class `usage` when it is no size.
    pub fn bytes(&self) -> Result<u64> {
        let bytes = match self {
            UnitSize::Bytes(bytes) => Some(*bytes),
            UnitSize::Text(text) => text::bytes(text),
        };
        bytes.filter(|bytes| (1..=1 << 40).contains(bytes)).ok_or_else(|| {
            Error::usage("`unit` is not a size").with_hint("write a number of bytes, or one with KiB, MiB or GiB such as `16MiB`")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes() {
        for (text, bytes) in [("16MiB", 16 << 20), ("1 GiB", 1 << 30), ("64k", 65536), ("2MB", 2_000_000), ("7", 7)] {
            assert_eq!(UnitSize::Text(text.into()).bytes().unwrap(), bytes);
        }
        for text in ["", "MiB", "1 parsec", "-1", "0", "2048GiB", "99999999999999999999"] {
            assert!(UnitSize::Text(text.into()).bytes().is_err(), "{text}");
        }
    }
}
