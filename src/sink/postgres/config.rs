//! What a pipeline file says about the sink `postgres`. It must not know how rows are written.

use std::time::Duration;

use crate::error::{Error, Result};
use crate::flow::UnitSize;

/// Loads variants and calls into PostgreSQL by binary COPY. A load becomes visible in the views `genogate.variants`,
/// `genogate.calls`, `genogate.carriers` and `genogate.samples` as a whole, when it is complete; an interrupted one is resumed by running the
/// same command again.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of a database under `databases:`, or `local`, the managed one. Default: what libpq's PGHOST, PGPORT, PGUSER,
    /// PGDATABASE and PGSERVICE say, otherwise `local`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<String>,
    /// Number of connections that write at the same time. Default: as many as threads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub writers: Option<usize>,
    /// What happens to indexes while the load runs.
    #[serde(default)]
    pub indexes: Indexes,
    /// INFO columns that are stored typed, as columns of their own, such as `info.AF`: for conditions and indexes. The others are in
    /// `info`, from which `info ->> 'DP'` reads them; `info` shows these too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<String>,
    /// How much uncompressed input goes into one transaction, such as `16MiB`. Default: the source's `unit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<UnitSize>,
    /// How long a database that went away, or has no connection free, is waited for before the load ends, to be resumed: such
    /// as `90s`, `10min` or `1h`. Default: `2min`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patience: Option<String>,
}

/// [`Config::patience`] when none is given.
const PATIENCE: Duration = Duration::from_secs(120);

/// What happens to indexes while a load runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Indexes {
    /// The first load of an empty warehouse leaves them out and builds them at its end; a later load keeps them.
    #[default]
    Auto,
    /// Always kept.
    Keep,
}

impl Config {
    /// How long a database that went away is waited for. Class `usage` when the text is no time, or more than a day.
    pub fn patience(&self) -> Result<Duration> {
        let Some(text) = &self.patience else { return Ok(PATIENCE) };
        let digits = text.trim_end_matches(|c: char| !c.is_ascii_digit());
        let scale = match text.get(digits.len()..).map(str::trim) {
            Some("s") => Some(1u64),
            Some("min") => Some(60),
            Some("h") => Some(3600),
            _ => None,
        };
        match digits.parse::<u64>().ok().zip(scale).and_then(|(number, scale)| number.checked_mul(scale)) {
            Some(seconds) if seconds <= 86_400 => Ok(Duration::from_secs(seconds)),
            Some(_) => Err(Error::usage("sink.postgres.patience: at most 24h")),
            None => Err(Error::usage("sink.postgres.patience: not a time").with_hint("write it like 90s, 10min or 1h")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let patience = |text: &str| Config { patience: Some(text.into()), ..Default::default() }.patience();
        assert_eq!(patience("90s").unwrap(), Duration::from_secs(90));
        assert_eq!(patience("10 min").unwrap(), Duration::from_secs(600));
        assert_eq!(patience("0s").unwrap(), Duration::ZERO);
        for wrong in ["", "90", "s", "1d", "-1s", "25h", "99999999999999999999h"] {
            assert_eq!(patience(wrong).unwrap_err().class(), crate::error::Class::Usage, "{wrong}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(serde_json::from_str::<Config>(r#"{"writer": 2}"#).is_err());
        assert_eq!(serde_json::from_str::<Config>(r#"{"indexes": "keep"}"#).unwrap().indexes, Indexes::Keep);
    }
}
