//! The `vcf` source as a pipeline file writes it: data and its manual. It must not read any file, or know what is built of it.

use std::path::PathBuf;

use crate::flow::UnitSize;

/// Reads VCF, versions 4.0 to 4.5: text (plain, BGZF or gzip, also several members) and BCF 2.1 and 2.2 (compressed or not),
/// from files or standard input. What a file is is told by its first bytes, not by its name. The same records give the same
/// rows as text and as BCF, as far as BCF can hold them: its numbers have single precision and are read by their shortest
/// decimal form, and fields that a call leaves out at its end are `.` in it.
#[derive(Clone, Debug, Default, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Files or globs such as `cohort/*.vcf.gz`, relative to the pipeline file, or `-` for standard input (only once, and
    /// last). A name ending in `.tsv` or `.manifest` is a list of files, relative to itself: one a line, or a table with a
    /// column `path`, and perhaps `sample_map` and `tags` (docs/hpc.md). One load takes them all; files that disagree about a
    /// field get the wider type.
    #[schemars(extend("x-path" = true))]
    pub paths: Vec<String>,
    /// Only records that lie in one of these regions: `chr22`, `chr1:1,000-2,000` (1-based, both ends included; commas part
    /// thousands), `chr1:1000-`, `chr1:1000`. A text that is the name of a contig in the header means that contig, colons and all.
    /// Default: everything. Contigs are those that headers declare or an index names; of a file that says none, those of its
    /// records. A region on another contig is told with the nearest name, and when all are, that is an error (exit code 2).
    /// A BGZF file with an index beside it (`FILE.csi`, or `FILE.tbi` of text) is read only where the index says
    /// that records of the regions lie; records outside that are read are counted, not loaded. `conformance: strict` reads all
    /// of a file.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub regions: Vec<String>,
    /// Which records lie in a region, as in bcftools: `0` (or `pos`) those whose POS does; `1` (or `record`, default) those of
    /// which any position from POS to the end of REF, or to END, does, also when they begin before the region; `2` (or `variant`) those of
    /// which a base does that an ALT changes (`TA>T` at 5 changes 6). END counts as it is written; from VCF 4.4 on a symbolic allele's SVLEN and
    /// LEN do, as in bcftools 1.22 and later. For regions that tile the genome (one a job) take `0`: with the others a record
    /// that crosses a border is in both.
    #[serde(default, skip_serializing_if = "RegionsOverlap::is_usual")]
    pub regions_overlap: RegionsOverlap,
    /// With `regions`, for an input whose index is missing, older than the file, damaged or of another file: `scan` (default)
    /// reads all of it and says why, `refuse` ends with an error.
    #[serde(default)]
    pub regions_without_index: RegionsWithoutIndex,
    /// The reference (FASTA) the files were called against, plain or bgzipped, relative to the pipeline file;
    /// `normalize.left_align` needs it. Its `.fai` (and `.gzi`) lie beside it; one that is missing is made in memory each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-path" = true))]
    pub reference: Option<PathBuf>,
    /// Contigs of these names, beside those that assemblies and archives of sequences name (`chr1`, `scaffold_12`,
    /// `NC_000001.11`, `HLA-A*01:01`): under `profile: hipaa` a record on any other contig is a critical finding. `*` stands for digits:
    /// `myscaf_*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contigs: Vec<String>,
    /// INFO fields: `all` (default), `none`, or a list of ids. With `all` a column `info.__other` keeps the text of entries
    /// that no column takes: keys found neither in the header nor in the first records, repeated keys, values of flags, values that
    /// do not fit their declaration.
    #[serde(default)]
    pub info: Info,
    /// Ensembl VEP's annotation, from INFO/CSQ (or INFO/vep): `true`, the field's id, or `{ id: …, fields: [SYMBOL, …] }`.
    /// The text becomes a list of entries with the sub-fields the header declares, each with `alt_index`, the ALT it is about;
    /// and for each ALT the columns `info.CSQ.gene`, `.gene_id`, `.transcript`, `.consequence`, `.impact`, `.hgvsc`, `.hgvsp`
    /// of its most severe entry. What does not fit is kept as text in `info.__other`. Default: the text as it is.
    #[serde(default, skip_serializing_if = "Annotation::is_off")]
    pub csq: Annotation,
    /// SnpEff's annotation, from INFO/ANN (or INFO/EFF), likewise: `info.ANN.gene` and so on.
    #[serde(default, skip_serializing_if = "Annotation::is_off")]
    pub ann: Annotation,
    /// The annotation of BCFtools/csq, from INFO/BCSQ, likewise; instead of HGVS the columns `info.BCSQ.amino_acid_change` and
    /// `.dna_change`.
    #[serde(default, skip_serializing_if = "Annotation::is_off")]
    pub bcsq: Annotation,
    /// Calls: `carriers` (default) keeps those with a non-reference or a missing allele or without GT, `all` keeps every
    /// call, `none` drops the sample columns.
    #[serde(default)]
    pub calls: Calls,
    /// FORMAT fields. Default: all, and a column `calls.__other` for the text of undeclared ones and of values that do not fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formats: Option<Vec<String>>,
    /// Samples to keep, by name; `^` before the first name means all but these. Default: all. Names that only some of the
    /// inputs have are fine, a name that none has is an error. Calls of other samples are not parsed. Samples keep the
    /// order they have in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<Vec<String>>,
    /// A file of samples to keep instead, one name a line; `^` before the path means all but these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-path" = "^"))]
    pub samples_file: Option<String>,
    /// A record that cannot become rows: `fail` (default) ends the load, `quarantine` sets it aside with line, field and
    /// reason. Checked are the record's structure and, with `conformance: strict`, what the specification says of it. A single
    /// value that does not fit its declaration spoils no record, and a header line among the records ends the file either way.
    #[serde(default)]
    pub on_bad_record: OnBadRecord,
    /// With `quarantine`: more bad records than this end the load. Default: no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bad_records: Option<u64>,
    /// A file among several that cannot be read, or holds a record that ends the load: `continue` (default) gives the file up,
    /// keeps nothing of it, loads the others and ends with exit code 6; `fail` ends the load. A file by itself, and a Parquet
    /// dataset, always fails.
    #[serde(default)]
    pub on_bad_file: OnBadFile,
    /// `lenient` (default) infers what the header lacks, keeps a value that does not fit its declaration as text, and says so;
    /// `strict` holds files to the specification's letter.
    #[serde(default)]
    pub conformance: Conformance,
    /// Text a unit of work holds, such as `16MiB` (default) or a number of bytes. Files are cut by it, so a load that is to
    /// be resumed must keep it.
    #[serde(default)]
    pub unit: UnitSize,
    /// How much an input may hold, so that a damaged or hostile one takes neither memory nor time without end.
    #[serde(default, skip_serializing_if = "Limits::is_default")]
    pub limits: Limits,
}

/// How much an input may hold. Past a limit the input cannot be read, and the error names the option.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Bytes of a header, each line counted as 64 at least. Default: `32MiB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<UnitSize>,
    /// Bytes of a line, or of a record of BCF; at most, and without counting what is made of it, this much memory is taken for
    /// one. Default: `256MiB`; from `1MiB` to `1GiB`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub line: Option<UnitSize>,
    /// INFO and FORMAT fields that become columns. Default: 100000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<usize>,
    /// Samples of an input. Default: 1000000.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub samples: Option<usize>,
    /// Calls of a record that are kept, times the FORMAT fields it names; and a record's bytes times its ALT alleles, of which each
    /// has a row when records are divided, for every 32 bytes. Default: 32000000. A record with more is a bad record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub values: Option<usize>,
}

impl Limits {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// Which INFO fields become columns.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Info {
    /// All or none.
    Word(InfoWord),
    /// These ids.
    Ids(Vec<String>),
}

impl Default for Info {
    fn default() -> Self {
        Info::Word(InfoWord::All)
    }
}

/// All or no INFO fields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum InfoWord {
    All,
    None,
}

/// How an annotation in INFO is read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Annotation {
    /// As text (`false`), or taken apart (`true`).
    Switch(bool),
    /// Taken apart, from the INFO field of this id.
    Id(String),
    /// Taken apart, with choices.
    Chosen(Subfields),
}

/// What of an annotation is read.
#[derive(Clone, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Subfields {
    /// The INFO field. Default: the tool's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The sub-fields to keep in the entries. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fields: Option<Vec<String>>,
}

impl Default for Annotation {
    fn default() -> Self {
        Annotation::Switch(false)
    }
}

impl Annotation {
    pub(crate) fn is_off(&self) -> bool {
        *self == Annotation::Switch(false)
    }

    pub(crate) fn is_wanted(&self) -> bool {
        !self.is_off()
    }

    /// The INFO field, when it is named.
    pub(crate) fn id(&self) -> Option<&str> {
        match self {
            Annotation::Switch(_) => None,
            Annotation::Id(id) => Some(id),
            Annotation::Chosen(chosen) => chosen.id.as_deref(),
        }
    }

    /// The sub-fields to keep, when they are named.
    pub(crate) fn fields(&self) -> Option<&[String]> {
        match self {
            Annotation::Chosen(chosen) => chosen.fields.as_deref(),
            _ => None,
        }
    }
}

/// Which calls are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Calls {
    /// No sample columns.
    None,
    /// Calls with a non-reference or a missing allele, or without GT.
    #[default]
    Carriers,
    /// Every call.
    All,
}

impl Calls {
    /// The word in the pipeline file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Calls::None => "none",
            Calls::Carriers => "carriers",
            Calls::All => "all",
        }
    }
}

/// What a bad record does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBadRecord {
    /// Ends the load.
    #[default]
    Fail,
    /// Is set aside, told by line, field and reason.
    Quarantine,
}

/// What a bad file among several does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBadFile {
    /// Is given up; the others are loaded.
    #[default]
    Continue,
    /// Ends the load.
    Fail,
}

/// Which records lie in a region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum RegionsOverlap {
    /// bcftools' number.
    Number(#[schemars(range(min = 0, max = 2))] u8),
    /// bcftools' word.
    Word(OverlapWord),
}

/// Which records lie in a region, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OverlapWord {
    Pos,
    Record,
    Variant,
}

impl Default for RegionsOverlap {
    fn default() -> Self {
        Self::Number(1)
    }
}

impl RegionsOverlap {
    /// bcftools' number.
    pub(crate) fn number(self) -> u8 {
        match self {
            Self::Number(number) => number,
            Self::Word(OverlapWord::Pos) => 0,
            Self::Word(OverlapWord::Record) => 1,
            Self::Word(OverlapWord::Variant) => 2,
        }
    }

    fn is_usual(&self) -> bool {
        *self == Self::default()
    }
}

/// What is done about an input that cannot be read by its index.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RegionsWithoutIndex {
    /// Read all of it.
    #[default]
    Scan,
    /// End with an error.
    Refuse,
}

/// How closely files are held to the specification.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Deserialize, serde::Serialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Conformance {
    /// Infer and report.
    #[default]
    Lenient,
    /// The specification's letter.
    Strict,
}

impl Config {
    /// A source over `paths` with every other setting at its default.
    pub fn of(paths: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self { paths: paths.into_iter().map(Into::into).collect(), ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: serde_json::Value) -> std::result::Result<Config, serde_json::Error> {
        serde_json::from_value(json)
    }

    #[test]
    fn defaults_and_words() {
        let config = read(serde_json::json!({ "paths": ["a.vcf"] })).unwrap();
        assert_eq!(config.info, Info::Word(InfoWord::All));
        assert_eq!((config.calls, config.on_bad_record), (Calls::Carriers, OnBadRecord::Fail));
        assert_eq!(config.unit.bytes().unwrap(), 16 << 20);
        let config =
            read(serde_json::json!({ "paths": ["-"], "info": ["AC", "AF"], "calls": "none", "unit": 4096, "reference": "r.fa" }));
        let config = config.unwrap();
        assert_eq!(config.info, Info::Ids(vec!["AC".into(), "AF".into()]));
        assert_eq!(config.unit.bytes().unwrap(), 4096);
        assert!(read(serde_json::json!({ "paths": ["a"], "info": "most" })).is_err());
        for (written, number) in [(serde_json::json!(0), 0), (serde_json::json!("variant"), 2), (serde_json::json!("record"), 1)]
        {
            let config = read(serde_json::json!({ "paths": ["a"], "regions_overlap": written })).unwrap();
            assert_eq!(config.regions_overlap.number(), number);
        }
        assert!(read(serde_json::json!({ "paths": ["a"], "colour": 1 })).is_err());
    }
}
