//! The names and meanings of a batch's columns, and the sensitivity labels that travel beside a schema.
//! It must not know how a column is filled or stored.

use std::collections::{BTreeMap, HashMap};

use datafusion::arrow::datatypes::{DataType, Field};

use crate::sensitive::Label;

/// Column names. `info.<ID>` and `calls.<ID>` are flat names: the dot is part of the name.
pub mod column {
    /// CHROM as written in the file; Utf8.
    pub const CHROM: &str = "chrom";
    /// POS, 1-based; Int64.
    pub const POS: &str = "pos";
    /// Last position of REF (or END, or what SVLEN and LEN say), 1-based, inclusive; Int64. After `normalize.split` the allele's own.
    pub const END_POS: &str = "end_pos";
    /// ID split at `;`; `List<Utf8>`, null for `.`.
    pub const IDS: &str = "ids";
    /// REF; Utf8.
    pub const REF: &str = "ref";
    /// ALT; Utf8, null for `.`. The file's comma-separated text until `normalize.split` makes one allele a row.
    pub const ALT: &str = "alt";
    /// Which ALT of the record the row is, from 1; Int32, null when there is no ALT or the row is unsplit.
    pub const ALT_INDEX: &str = "alt_index";
    /// `pos`, `ref` and `alt` of a row as they were before `normalize.left_align` changed it; null in rows it left alone.
    pub const ORIG_POS: &str = "orig_pos";
    pub const ORIG_REF: &str = "orig_ref";
    pub const ORIG_ALT: &str = "orig_alt";
    /// The columns of text that say where and what a variant is: words of another kind than free text.
    pub const SITE: [&str; 5] = [CHROM, REF, ALT, ORIG_REF, ORIG_ALT];
    /// QUAL; Float64, null for `.`.
    pub const QUAL: &str = "qual";
    /// FILTER split at `;`; `List<Utf8>`: `['PASS']`, failed filters, or null for `.`.
    pub const FILTERS: &str = "filters";
    /// Which samples (0-based, in header order) the lists in `calls.*` are about; `List<Int32>`, same offsets as they.
    pub const CALLS_SAMPLE: &str = "calls.__sample";
    /// Unit ordinal within the load; UInt32. Internal: carried to the sink, never stored as a column.
    pub const UNIT: &str = "__unit";
    /// Line ordinal within the unit, 0-based; UInt32. Internal. Rows of one record share it.
    pub const ROW: &str = "__row";
    /// Where each ALT of a record ends by itself; `List<Int64>` with one a ALT, null where all end at [`END_POS`]. Internal:
    /// `normalize.split` makes `end_pos` of it.
    pub const ALT_ENDS: &str = "__alt_ends";
    /// Prefix of INFO columns.
    pub const INFO: &str = "info.";
    /// Prefix of FORMAT columns: each is a List with one element a call, all with the offsets of [`CALLS_SAMPLE`].
    pub const CALLS: &str = "calls.";
    /// LAA (VCF 4.5 section 1.6.2): the ALTs that a call's local-allele fields count in, numbered as in the file.
    pub const CALLS_LAA: &str = "calls.LAA";
    /// The genotype column: a List of [`crate::flow::genotype::genotype_type`]. A file that declares GT otherwise than as
    /// one String has it as text.
    pub const CALLS_GT: &str = "calls.GT";

    /// Is this one of the columns that are never stored?
    pub fn is_internal(name: &str) -> bool {
        [UNIT, ROW, ALT_ENDS].contains(&name)
    }
}

/// `Number` of an INFO or FORMAT declaration (VCF 4.5 section 1.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Number {
    /// A fixed count.
    Count(u32),
    /// One value per ALT.
    A,
    /// One value per allele, REF first.
    R,
    /// One value per genotype.
    G,
    /// `.`: unknown or varying.
    Unknown,
    /// `P`: one value per allele of GT (VCF 4.4).
    P,
    /// `LA`, `LR`, `LG`: per local allele (VCF 4.5).
    LA,
    LR,
    LG,
    /// `M`: one value per base modification (VCF 4.5).
    M,
}

impl Number {
    /// Reads the header's text. `None` for anything the specification does not name.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "A" => Number::A,
            "R" => Number::R,
            "G" => Number::G,
            "." | "-1" => Number::Unknown,
            "P" => Number::P,
            "LA" => Number::LA,
            "LR" => Number::LR,
            "LG" => Number::LG,
            "M" => Number::M,
            digits => Number::Count(digits.parse().ok()?),
        })
    }

    /// The header's text.
    pub fn text(self) -> String {
        match self {
            Number::Count(n) => n.to_string(),
            Number::A => "A".into(),
            Number::R => "R".into(),
            Number::G => "G".into(),
            Number::Unknown => ".".into(),
            Number::P => "P".into(),
            Number::LA => "LA".into(),
            Number::LR => "LR".into(),
            Number::LG => "LG".into(),
            Number::M => "M".into(),
        }
    }
}

/// `Type` of an INFO or FORMAT declaration (VCF 4.5 section 1.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VcfType {
    Integer,
    Float,
    Flag,
    Character,
    String,
}

impl VcfType {
    /// Reads the header's text. `None` for anything the specification does not name.
    pub fn parse(text: &str) -> Option<Self> {
        Some(match text {
            "Integer" => VcfType::Integer,
            "Float" => VcfType::Float,
            "Flag" => VcfType::Flag,
            "Character" => VcfType::Character,
            "String" => VcfType::String,
            _ => return None,
        })
    }

    /// The header's text.
    pub fn text(self) -> &'static str {
        match self {
            VcfType::Integer => "Integer",
            VcfType::Float => "Float",
            VcfType::Flag => "Flag",
            VcfType::Character => "Character",
            VcfType::String => "String",
        }
    }

    /// The Arrow type of one value.
    pub fn arrow(self) -> DataType {
        match self {
            VcfType::Integer => DataType::Int32,
            VcfType::Float => DataType::Float64,
            VcfType::Flag => DataType::Boolean,
            VcfType::Character | VcfType::String => DataType::Utf8,
        }
    }
}

const NUMBER_KEY: &str = "vcf.number";
const TYPE_KEY: &str = "vcf.type";
const USUAL_KEY: &str = "vcf.usual_number";

/// Marks an Arrow field with its VCF declaration. Descriptions are not kept here: they are free text.
pub fn vcf_field(field: Field, number: Number, kind: VcfType) -> Field {
    field.with_metadata(HashMap::from([(NUMBER_KEY.into(), number.text()), (TYPE_KEY.into(), kind.text().into())]))
}

/// Marks a field whose declaration leaves open (`.`) what the specification's later versions say of its key.
pub fn usual_field(field: Field, usual: Number) -> Field {
    let mut metadata = field.metadata().clone();
    metadata.insert(USUAL_KEY.into(), usual.text());
    field.with_metadata(metadata)
}

/// What the specification's later versions say, when the declaration leaves it open.
pub fn usual_number_of(field: &Field) -> Option<Number> {
    Number::parse(field.metadata().get(USUAL_KEY)?)
}

/// The declared `Number` of a field, when it came from a VCF header.
pub fn number_of(field: &Field) -> Option<Number> {
    Number::parse(field.metadata().get(NUMBER_KEY)?)
}

/// The declared `Type` of a field, when it came from a VCF header.
pub fn vcf_type_of(field: &Field) -> Option<VcfType> {
    VcfType::parse(field.metadata().get(TYPE_KEY)?)
}

const WORD_KEY: &str = "vcf.word";

/// What is known of the word of the file that a column of INFO or FORMAT is named by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Word {
    /// A header or the specification declares it, or the pipeline asks for it, and it names nobody.
    Known,
    /// Neither header nor specification know it: it may be any text.
    Undeclared,
    /// It may name somebody.
    Named,
}

impl Word {
    const ALL: [(Word, &'static str); 3] = [(Word::Known, "known"), (Word::Undeclared, "undeclared"), (Word::Named, "named")];
}

/// Marks a column that is named by a word of the file.
pub fn with_word(field: Field, word: Word) -> Field {
    let mut metadata = field.metadata().clone();
    let text = Word::ALL.iter().find(|(known, _)| *known == word).map_or("named", |(_, text)| text);
    metadata.insert(WORD_KEY.into(), text.into());
    field.with_metadata(metadata)
}

/// What is known of the word that names a column; `None` for a column that is not named by the file. A column of a file without the
/// mark is named by any text.
pub fn word_of(field: &Field) -> Option<Word> {
    let of_a_file = [TYPE_KEY, WORD_KEY].iter().any(|key| field.metadata().contains_key(*key));
    let mark = field.metadata().get(WORD_KEY).and_then(|mark| Word::ALL.iter().find(|(_, text)| text == mark));
    of_a_file.then(|| mark.map_or(Word::Undeclared, |(word, _)| *word))
}

/// Sensitivity of everything a flow carries. A column that is not listed is an identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Labels {
    columns: BTreeMap<String, Label>,
    /// The header lines that reach the sink.
    pub headers: Label,
    /// The sample names that reach the sink.
    pub samples: Label,
}

impl Default for Labels {
    fn default() -> Self {
        Self { columns: BTreeMap::new(), headers: Label::Identifier, samples: Label::Identifier }
    }
}

impl Labels {
    /// The label of a column.
    pub fn of(&self, column: &str) -> Label {
        match column {
            name if column::is_internal(name) => Label::Public,
            _ => self.columns.get(column).copied().unwrap_or(Label::Identifier),
        }
    }

    /// The labels of header lines and sample names, with no column listed.
    pub fn without_columns(&self) -> Self {
        Self { columns: BTreeMap::new(), headers: self.headers, samples: self.samples }
    }

    /// Sets the label of a column.
    pub fn set(&mut self, column: impl Into<String>, label: Label) {
        self.columns.insert(column.into(), label);
    }

    /// Every listed column.
    pub fn columns(&self) -> impl Iterator<Item = (&str, Label)> {
        self.columns.iter().map(|(name, label)| (name.as_str(), *label))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_nobody_labelled_is_an_identifier() {
        let mut labels = Labels::default();
        labels.set("qual", Label::Clinical);
        assert_eq!((labels.of("qual"), labels.of("info.NOTE")), (Label::Clinical, Label::Identifier));
    }

    #[test]
    fn a_declaration_survives_in_the_field() {
        for text in ["1", "0", "12", "A", "R", "G", ".", "P", "LA", "LR", "LG", "M"] {
            let number = Number::parse(text).unwrap();
            let field = vcf_field(Field::new("info.X", DataType::Utf8, true), number, VcfType::Character);
            assert_eq!((number_of(&field), vcf_type_of(&field)), (Some(number), Some(VcfType::Character)));
            assert_eq!(number.text(), text);
        }
        assert_eq!(Number::parse("B"), None);
    }
}
