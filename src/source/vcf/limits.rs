//! What no input may go past, and the words for it. It must not know how inputs are read.

use super::config;
use crate::error::{Error, Result};
use crate::flow::UnitSize;

/// The most that `limits.line` may be: a text of one batch has offsets of 31 bits.
pub(crate) const MOST_LINE: usize = 1 << 30;
/// The least: what is read at once holds many lines.
const LEAST_LINE: usize = 1 << 20;
/// What a line of the header counts for at least: as text it is little, read it is not.
const HEADER_LINE: usize = 64;

/// What no input may go past. The options are those of [`config::Limits`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// Bytes.
    pub header: usize,
    /// Bytes of a line, or of a record of BCF.
    pub line: usize,
    pub fields: usize,
    pub samples: usize,
    /// Calls times fields of one record.
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { header: 32 << 20, line: 256 << 20, fields: 100_000, samples: 1_000_000, values: 32_000_000 }
    }
}

impl Limits {
    /// Class `usage` for what is no size, or one that cannot be.
    pub(crate) fn of(asked: &config::Limits) -> Result<Self> {
        let Self { header, line, fields, samples, values } = Self::default();
        let size = |size: &Option<UnitSize>, usual: usize, key: &str| match size {
            None => Ok(usual),
            Some(size) => {
                let hint = "write a number of bytes, or one with KiB, MiB or GiB such as `64MiB`";
                let bytes = size.bytes().map_err(|_| Error::usage(format!("`{key}` is not a size")).with_hint(hint))?;
                usize::try_from(bytes).map_err(|_| Error::usage(format!("`{key}` is more than this machine can hold")))
            }
        };
        let limits = Self {
            header: size(&asked.header, header, "limits.header")?,
            line: size(&asked.line, line, "limits.line")?,
            fields: asked.fields.unwrap_or(fields),
            samples: asked.samples.unwrap_or(samples),
            values: asked.values.unwrap_or(values),
        };
        if !(LEAST_LINE..=MOST_LINE).contains(&limits.line) {
            return Err(Error::usage("`limits.line` is from `1MiB` to `1GiB`"));
        }
        Ok(limits)
    }

    /// Holds what a header [counts](Self::counted) for so far against the limit.
    pub(crate) fn check_header(&self, counted: usize) -> Result<()> {
        if counted <= self.header {
            return Ok(());
        }
        Err(past(format!("the header is longer than {}", shown(self.header)), "header"))
    }

    /// What a line of the header of so many bytes counts for.
    pub(crate) fn counted(bytes: usize) -> usize {
        bytes.max(HEADER_LINE)
    }

    /// Holds the number of samples against the limit.
    pub(crate) fn check_samples(&self, samples: usize) -> Result<()> {
        if samples <= self.samples {
            return Ok(());
        }
        Err(past(format!("the header names {samples} samples, and at most {} are read", self.samples), "samples"))
    }

    /// Holds the number of INFO and FORMAT fields that become columns against the limit.
    pub(crate) fn check_fields(&self, fields: usize) -> Result<()> {
        if fields <= self.fields {
            return Ok(());
        }
        let what = format!("{fields} INFO and FORMAT fields would become columns, and at most {} may", self.fields);
        Err(Error::input(what).with_hint(
            "list the fields that are needed under `source.vcf.info` and `source.vcf.formats`, or raise `source.vcf.limits.fields`",
        ))
    }
}

/// A line of text longer than `most` bytes.
pub(crate) fn line_too_long(most: usize) -> Error {
    past(format!("a line is longer than {}", shown(most)), "line")
}

/// The same of a record of BCF.
pub(crate) fn record_too_long(most: usize) -> Error {
    past(format!("a record is longer than {}", shown(most)), "line")
}

fn past(what: String, option: &str) -> Error {
    Error::input(what).with_hint(format!("if the file is meant to be so, raise `source.vcf.limits.{option}`"))
}

fn shown(bytes: usize) -> String {
    match bytes {
        0 => "0 bytes".into(),
        bytes if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        bytes if bytes % (1 << 10) == 0 => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_sizes_and_numbers() {
        let asked = config::Limits {
            line: Some(UnitSize::Text("1 GiB".into())),
            header: Some(UnitSize::Bytes(10)),
            fields: Some(3),
            ..config::Limits::default()
        };
        let limits = Limits::of(&asked).unwrap();
        assert_eq!((limits.line, limits.header, limits.fields, limits.samples), (1 << 30, 10, 3, 1_000_000));
        for line in ["2GiB", "1000", "long"] {
            let asked = config::Limits { line: Some(UnitSize::Text(line.into())), ..config::Limits::default() };
            assert!(Limits::of(&asked).unwrap_err().to_string().contains("limits.line"), "{line}");
        }
        assert_eq!([shown(256 << 20), shown(1 << 10), shown(1000)], ["256 MiB", "1 KiB", "1000 bytes"]);
    }
}
