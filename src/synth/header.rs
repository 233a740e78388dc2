//! The header: version, contigs, filters, keys, samples. It must not know records.

use super::calls::Fields;
use super::genome::CONTIGS;
use super::info::{KEYS, NOTE};
use super::options::{Kind, Options};
use super::planted::Plan;

/// `(ID, Description)` of the filters that records name.
pub(super) const FILTERS: [(&str, &str); 4] = [
    ("LowQual", "Quality below 30"),
    ("VQSRTrancheSNP99.90to100.00", "Outside the tranche that keeps 99.9 % of true sites"),
    ("InbreedingCoeff", "Inbreeding coefficient below -0.3"),
    ("AC0", "No carrier left after genotype filters"),
];

/// Appends all header lines.
pub(super) fn write(out: &mut Vec<u8>, options: &Options, fields: Option<Fields>, names: &[String], plan: Option<&Plan>) {
    let mut line = |text: String| {
        out.extend_from_slice(text.as_bytes());
        out.push(b'\n');
    };
    line("##fileformat=VCFv4.3".into());
    line("##fileDate=20240305".into());
    line(format!("##source=genogate synth, seed {}", options.seed));
    line("##reference=GRCh38".into());
    for contig in &CONTIGS {
        line(format!("##contig=<ID={},length={},assembly=GRCh38>", contig.name, contig.length));
    }
    line("##ALT=<ID=DEL,Description=\"Deletion\">".into());
    line("##FILTER=<ID=PASS,Description=\"All filters passed\">".into());
    for (id, description) in FILTERS {
        line(format!("##FILTER=<ID={id},Description=\"{description}\">"));
    }
    for &(id, number, kind, description) in KEYS {
        let description = plan.filter(|_| id == NOTE).map_or(description, |plan| &plan.note_description);
        line(format!("##INFO=<ID={id},Number={number},Type={kind},Description=\"{description}\">"));
    }
    for (id, number, kind, description) in fields.map(|f| f.definitions(plan.is_some())).unwrap_or_default() {
        line(format!("##FORMAT=<ID={id},Number={number},Type={kind},Description=\"{description}\">"));
    }
    if let (Kind::Trio, [father, mother, child]) = (options.kind, names) {
        line(format!("##PEDIGREE=<ID={child},Father={father},Mother={mother}>"));
    }
    for text in plan.iter().flat_map(|plan| &plan.header) {
        line(text.clone());
    }
    let mut columns = String::from("#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO");
    if fields.is_some() {
        columns.push_str("\tFORMAT");
        for name in names {
            columns.push('\t');
            columns.push_str(name);
        }
    }
    line(columns);
}
