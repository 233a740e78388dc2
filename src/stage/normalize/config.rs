//! What a pipeline file says under `normalize`. It must not know how rows are divided.

/// Makes records comparable: one row per ALT allele.
///
/// A record with the ALT alleles `C,T` becomes two rows. INFO and FORMAT fields are divided by their declared `Number`: `A`
/// becomes the allele's own value, `R` the values of REF and the allele, `G` the genotypes of REF and the allele (VCF 4.5
/// section 1.6.2, any ploidy). A list that is declared `.` is divided, and stays a list, where the newest specification reserves the key
/// as `A` or `R` (SVLEN, MATEID, AD, …) and it has as many values. `end_pos` is the allele's own end: in 4.4 and later from its SVLEN
/// (a reference block's LEN), before that from its SVLEN where the record has END. In `calls.GT` the row's allele is `1`, REF stays `0`, every other ALT becomes `0`, as
/// `bcftools norm -m- --multi-overlaps 0` writes it; an allele behind the last ALT becomes `.`; `.`, phase and ploidy stay. `alt_index` keeps the allele's number in
/// the file, which is also what `LAA` counts in: of FORMAT fields of Number `LA`, `LR` and `LG` a row has the values of its ALT where
/// the call's `LAA` lists it and none otherwise; a call whose `LAA` is empty keeps its value for REF. Of an annotation that was taken apart, a row keeps the entries about its
/// allele and those that name none. A field with more or fewer values than its `Number` asks for is never
/// divided: the whole field moves to `info.__other` (`calls.__other`), or, where that column is not read, it is counted as
/// dropped.
///
/// With `left_align` every record is then checked against the reference and every allele made of bases is moved to its left-most
/// place and cut to its shortest form, as `bcftools norm -m- -f` of version 1.16 does (Tan, Abecasis, Kang 2015; 1.24 also moves `<DEL>` and `<DUP>`); symbolic alleles, breakends
/// and `*` stay as they are. `orig_pos`, `orig_ref` and `orig_alt` keep what a row said before; they are null in rows that did
/// not change. `end_pos` and a declared `END` follow. A record without ALT is cut to the first base of REF and keeps its
/// `end_pos`. Without `left_align` no allele is ever trimmed.
#[derive(Clone, Debug, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// One row per ALT allele. A record without ALT (`.`) stays one row.
    #[serde(default = "yes")]
    pub split: bool,
    /// Check records against `source.vcf.reference` and left-align their alleles. A record whose contig, position or REF is not of
    /// the reference is a bad record: `on_bad_record` says whether it ends the load, naming its position, or is set aside.
    /// What tells one reference from another are its sequences' names and lengths and a sample of its text, all of it up to 1 MiB.
    /// `false` by default.
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
