//! Values that must not be seen, and the labels that say which columns hold such values.
//! It must not know where secrets come from or what a pipeline does with a label.

use std::fmt;

use zeroize::Zeroize;

/// A value wiped from memory on drop and never printed: `Debug` and `Display` show `[sensitive]`.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sensitive<T: Zeroize>(T);

impl<T: Zeroize> Sensitive<T> {
    /// Takes charge of `value`.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// Lends the value. The name is long so that a review finds every place that looks.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T: Zeroize> From<T> for Sensitive<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: Zeroize> Drop for Sensitive<T> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<T: Zeroize> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sensitive]")
    }
}

impl<T: Zeroize> fmt::Display for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[sensitive]")
    }
}

/// How sensitive a column, the header lines or the sample names are. The order is the order of care: the label of an
/// expression is the maximum over the columns it reads.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Label {
    /// Says nothing about a person: contig, position, alleles of a site.
    Public,
    /// Measured on a person, without saying who: genotypes, qualities, depths.
    Clinical,
    /// May hold free text about a person (45 CFR 160.103).
    Phi,
    /// Names a person or a specimen (45 CFR 164.514(b)(2)). Whatever has no label counts as this.
    Identifier,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Label::Public => "public",
            Label::Clinical => "clinical",
            Label::Phi => "phi",
            Label::Identifier => "identifier",
        })
    }
}

/// How grave a detection is.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Low,
    Medium,
    High,
    Critical,
}

impl Severity {
    /// Every severity, mildest first.
    pub const ALL: [Severity; 4] = [Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

    /// The word used in files and reports.
    pub fn name(self) -> &'static str {
        ["low", "medium", "high", "critical"][self as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sensitive_value_is_not_printed() {
        let secret = Sensitive::new(String::from("hunter2"));
        assert_eq!(format!("{secret:?} {secret}"), "[sensitive] [sensitive]");
    }

    #[test]
    fn the_maximum_label_is_the_most_careful() {
        assert_eq!(Label::Clinical.max(Label::Identifier), Label::Identifier);
        assert!(Label::Public < Label::Clinical && Label::Clinical < Label::Phi);
    }
}
