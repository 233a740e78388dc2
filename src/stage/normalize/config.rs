//! What a pipeline file says under `normalize`. It must not know how rows are divided.

use std::path::Path;
use std::sync::Arc;

use super::Normalize;
use crate::error::{Error, Result};
use crate::flow::Stage;

/// Makes records comparable: one row per ALT allele.
///
/// A record with the ALT alleles `C,T` becomes two rows. INFO and FORMAT fields are divided by their declared `Number`: `A`
/// becomes the allele's own value, `R` the values of REF and the allele, `G` the genotypes of REF and the allele (VCF 4.5
/// section 1.6.2, any ploidy). In `calls.GT` the row's allele is `1`, REF stays `0`, every other ALT becomes `0`, as
/// `bcftools norm -m- --multi-overlaps 0` writes it; `.`, phase and ploidy stay. `alt_index` keeps the allele's number in
/// the file, which is also what `LAA` counts in. Of an annotation that was taken apart, a row keeps the entries about its
/// allele and those that name none. A field with more or fewer values than its `Number` asks for is never
/// divided: the whole field moves to `info.__other` (`calls.__other`), or, where that column is not read, it is counted as
/// dropped.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// One row per ALT allele. A record without ALT (`.`) stays one row.
    #[serde(default = "yes")]
    pub split: bool,
    /// Left-align and trim indels against a reference. Not available in this version.
    #[serde(default)]
    pub left_align: bool,
}

fn yes() -> bool {
    true
}

impl Default for Config {
    fn default() -> Self {
        Self { split: true, left_align: false }
    }
}

impl Config {
    /// The stage. `base` is not needed: nothing is read.
    ///
    /// # Errors
    /// Class `usage` when `left_align` is asked for.
    pub fn build(&self, base: &Path) -> Result<Arc<dyn Stage>> {
        let _ = base;
        if self.left_align {
            return Err(Error::usage(
                "normalize: left_align is not available in this version: it needs a FASTA reference reader",
            )
            .with_hint("write left_align: false, and align the file beforehand with bcftools norm -f REFERENCE if you need it"));
        }
        Ok(Arc::new(Normalize::new(self.split)))
    }
}
