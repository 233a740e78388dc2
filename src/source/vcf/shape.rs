//! What one input's header says about its records. It must not know records, or where they lie.

use std::sync::Arc;

use super::bcf::Dictionary;
use super::header::{Declared, Header};
use super::strict::Rules;

/// What one input's header says about its records.
#[derive(Clone, Debug)]
pub(crate) struct Shape {
    /// Columns every record has.
    pub columns: usize,
    /// The minor version: 2 of 4.2.
    pub minor: u32,
    /// Strings are percent-encoded (from VCF 4.3 on).
    pub percent: bool,
    /// GT may begin with a phase (from VCF 4.4 on).
    pub leading_phase: bool,
    /// For every sample column its index among the samples that are kept, which are in the order of the columns.
    pub samples: Arc<[Option<u32>]>,
    pub declared: Arc<Declared>,
    /// What was odd about the header itself: field, what, how often. They count to the first unit.
    pub oddities: Arc<[(String, &'static str, u64)]>,
    /// The specification's letter, when records are held to it.
    pub strict: Option<Arc<Rules>>,
    /// The input is BCF, and this is what its numbers mean.
    pub binary: Option<Arc<Dictionary>>,
}

impl Shape {
    /// `samples`: for every sample column its index among those kept. `strict`: the letter that records are held to.
    pub(crate) fn of(
        header: &Header,
        samples: Vec<Option<u32>>,
        strict: Option<Arc<Rules>>,
        binary: Option<Arc<Dictionary>>,
    ) -> Self {
        Self {
            columns: header.columns,
            minor: header.minor,
            percent: header.minor >= 3,
            leading_phase: header.minor >= 4,
            samples: samples.into(),
            declared: header.declared(),
            oddities: header.oddities.as_slice().into(),
            strict,
            binary,
        }
    }
}
