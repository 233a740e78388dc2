//! The type of each sub-field, by its documented name, and its builder. Everything that is not listed is text. It must not
//! know entries.

use datafusion::arrow::array::ArrayRef;
use datafusion::arrow::datatypes::DataType;

use super::format::{Tool, same};
use crate::source::vcf::columns::{Column, Encoding, Floats, Ints, List, Texts};

/// What a sub-field holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Leaf {
    /// Utf8.
    Text,
    /// List of Utf8, joined by `&`.
    Texts,
    /// Int32.
    Int,
    /// Float64.
    Float,
    /// List of Float64, joined by `&`: a known variant at the place may have several frequencies.
    Floats,
}

const INTS: &str = "ALLELE_NUM, DISTANCE, STRAND, TSL, PICK, HGVS_OFFSET, MOTIF_POS, GENE_PHENO, MINIMISED, SpliceAI_pred_DP_AG, \
    SpliceAI_pred_DP_AL, SpliceAI_pred_DP_DG, SpliceAI_pred_DP_DL, REFSEQ_OFFSET";
const FLOATS: &str = "MOTIF_SCORE_CHANGE, CADD_PHRED, CADD_RAW, SpliceAI_pred_DS_AG, SpliceAI_pred_DS_AL, SpliceAI_pred_DS_DG, \
    SpliceAI_pred_DS_DL, am_pathogenicity, LOEUF";
const TEXTS: &str = "Consequence, Annotation, Effect, Existing_variation, FLAGS, CLIN_SIG, SOMATIC, PHENO, PUBMED, DOMAINS, \
    SWISSPROT, TREMBL, UNIPROT_ISOFORM, REFSEQ_MATCH, miRNA, MANE, MAX_AF_POPS, TRANSCRIPTION_FACTORS, LoF_filter, \
    LoF_flags, LoF_info, VAR_SYNONYMS, ERRORS / WARNINGS / INFO";

impl Leaf {
    /// The type of a sub-field of `tool`.
    pub(super) fn of(tool: Tool, name: &str) -> Self {
        let listed = |names: &str| names.split(", ").any(|known| same(known, name));
        let frequency = same(name, "AF") || name.to_ascii_uppercase().ends_with("_AF");
        match tool {
            _ if listed(TEXTS) => Leaf::Texts,
            Tool::Vep if frequency => Leaf::Floats,
            Tool::Vep if listed(INTS) => Leaf::Int,
            Tool::Vep if listed(FLOATS) => Leaf::Float,
            Tool::Ann if same(name, "Distance") => Leaf::Int,
            Tool::Eff if same(name, "Amino_Acid_length") => Leaf::Int,
            _ => Leaf::Text,
        }
    }

    /// Its Arrow type.
    pub(super) fn arrow(self) -> DataType {
        match self {
            Leaf::Text => DataType::Utf8,
            Leaf::Texts => DataType::new_list(DataType::Utf8, true),
            Leaf::Int => DataType::Int32,
            Leaf::Float => DataType::Float64,
            Leaf::Floats => DataType::new_list(DataType::Float64, true),
        }
    }

    fn column(self) -> Box<dyn Column> {
        match self {
            Leaf::Text => Box::new(Texts::default()),
            Leaf::Texts => Box::new(List::new(Texts::default(), b'&')),
            Leaf::Int => Box::new(Ints::default()),
            Leaf::Float => Box::new(Floats::default()),
            Leaf::Floats => Box::new(List::new(Floats::default(), b'&')),
        }
    }
}

/// One sub-field of all entries of a batch.
pub(super) struct Values {
    column: Box<dyn Column>,
    encoding: Encoding,
}

impl Values {
    /// `percent`: the pieces are percent-encoded.
    pub(super) fn new(tool: Tool, name: &str, percent: bool) -> Self {
        Self { column: Leaf::of(tool, name).column(), encoding: Encoding { percent } }
    }

    /// Gives a piece to entry `at`, which has none yet; false when it is not of the type.
    #[inline]
    pub(super) fn put(&mut self, at: usize, piece: &str) -> bool {
        matches!(self.column.put(at, piece.as_bytes(), self.encoding), Ok(Some(_)))
    }

    /// The values of `entries` entries; the builder starts again.
    pub(super) fn finish(&mut self, entries: usize) -> ArrayRef {
        self.column.pad(entries);
        self.column.finish()
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Array, AsArray};

    use super::*;

    #[test]
    fn types_by_name() {
        for (name, leaf) in [
            ("STRAND", Leaf::Int),
            ("gnomADe_AF", Leaf::Floats),
            ("AF", Leaf::Floats),
            ("MAX_AF_POPS", Leaf::Texts),
            ("consequence", Leaf::Texts),
            ("SYMBOL", Leaf::Text),
            ("AFR_MAF", Leaf::Text),
            ("cDNA_position", Leaf::Text),
            ("CADD_PHRED", Leaf::Float),
        ] {
            assert_eq!(Leaf::of(Tool::Vep, name), leaf, "{name}");
        }
        // BCFtools/csq writes strands as signs.
        assert_eq!(Leaf::of(Tool::Bcsq, "strand"), Leaf::Text);
    }

    #[test]
    fn builders_make_what_is_declared() {
        for (name, good, bad) in
            [("SYMBOL", "A", None), ("FLAGS", "a&b", None), ("TSL", "1", Some("one")), ("AF", "0.1&2e-5", Some("A:1"))]
        {
            let mut values = Values::new(Tool::Vep, name, false);
            assert!(values.put(1, good));
            assert!(bad.is_none_or(|bad| !values.put(2, bad)), "{name}");
            let array = values.finish(4);
            let kind = Leaf::of(Tool::Vep, name).arrow();
            assert_eq!((array.data_type(), array.len(), array.null_count()), (&kind, 4, 3));
        }
        let mut values = Values::new(Tool::Vep, "FLAGS", false);
        values.put(0, "a&b");
        assert_eq!(values.finish(1).as_list::<i32>().value(0).as_string::<i32>().value(1), "b");
    }
}
