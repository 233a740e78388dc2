//! Annotations from a file to the database: genes of indels, filters on them, and what hipaa lets through.

use std::path::Path;
use std::process::Command;

use super::support::{Done, Warehouse};

const CSQ: &str = "##INFO=<ID=CSQ,Number=.,Type=String,Description=\"Consequence annotations from Ensembl VEP. Format: Allele|Consequence|IMPACT|SYMBOL|Gene|Feature_type|Feature|STRAND|Existing_variation|OWN\">\n";
const BCSQ: &str = "##INFO=<ID=BCSQ,Number=.,Type=String,Description=\"Local consequence annotation from BCFtools/csq. Format: Consequence|gene|transcript|biotype|strand|amino_acid_change|dna_change\">\n";

fn write(folder: &Path, records: &[&str]) -> String {
    let path = folder.join("annotated.vcf");
    let contig = "##contig=<ID=chr7>\n";
    let columns = "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n";
    let lines: String = records.iter().map(|record| format!("{}\n", record.replace(' ', "\t"))).collect();
    std::fs::write(&path, format!("##fileformat=VCFv4.2\n{contig}{CSQ}{BCSQ}{columns}{lines}")).unwrap();
    path.display().to_string()
}

fn load(warehouse: &Warehouse, file: &str, more: &[&str]) -> Done {
    let mut arguments = vec!["load", file, "--json", "--csq", "--bcsq", "--name", "annotated"];
    arguments.extend(more);
    warehouse.run(arguments)
}

#[test]
fn an_indels_gene_is_in_the_view_and_filters_find_it() {
    let warehouse = Warehouse::shared();
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        &[
            "chr7 100 . TT T . . CSQ=-|frameshift_variant&splice_region_variant|HIGH|CFTR|ENSG1|Transcript|T1|1|rs1&rs2|a,-|intron_variant|MODIFIER|FAR||Transcript|T2|-1||",
            "chr7 200 . TA T,TAA . . CSQ=-|intron_variant|MODIFIER|G1||||||,C|stop_gained|HIGH|NONE||||||,AA|frameshift_variant|HIGH|G2||||||;BCSQ=frameshift|B2|T|protein_coding|+|1M>1?|200TA>TAA",
            "chr7 300 . A C . . CSQ=C|missense_variant|MODERATE|MILD||||||",
        ],
    );
    let filter = ["--profile", "open", "--filter", "info.CSQ.impact = 'HIGH'"];
    let report = load(warehouse, &file, &filter).expect(0).json();
    assert_eq!((report["input_records"].as_u64(), report["variants"].as_u64()), (Some(3), Some(2)), "{report}");
    let id = report["load_id"].as_str().unwrap();
    let rows = |columns: &str| {
        warehouse.sql(&format!("SELECT {columns} FROM genogate.variants WHERE load_id = '{id}' ORDER BY pos, alt"))
    };
    let flat = rows("alt, info->>'CSQ.gene', info->>'CSQ.consequence', info->>'CSQ.transcript', info->>'BCSQ.gene'");
    assert_eq!(flat, "T|CFTR|frameshift_variant|T1|\nTAA|G2|frameshift_variant||B2");
    let nested = rows("jsonb_array_length(info->'CSQ'), info->'CSQ'->0->'alt_index', info->'CSQ'->0->>'SYMBOL'");
    // The allele `C` is none of the record's: its entry stays with every row, and is nobody's gene.
    assert_eq!(nested, "2|1|CFTR\n2||NONE");
    assert_eq!(rows("info->'CSQ'->0->'Existing_variation', info->'CSQ'->1->'STRAND'"), "[\"rs1\", \"rs2\"]|-1\n|");
    let odd = &report["oddities"];
    assert!(odd.to_string().contains("name an allele"), "{report}");

    // Other options are another load.
    let again = load(warehouse, &file, &filter).expect(0).json();
    assert_eq!(again["status"], "skipped");
    let text = warehouse.run(["load", &file, "--json", "--name", "annotated", "--profile", "open"]).expect(0).json();
    assert_eq!(text["status"], "complete");
    let unknown = load(warehouse, &file, &["--profile", "open", "--filter", "info.CSQ.genes = 'X'"]).expect(2);
    assert!(format!("{}{}", unknown.stdout, unknown.stderr).contains("did you mean info.CSQ.gene"), "{unknown:#?}");
    let entry = ["--profile", "open", "--filter", "info.CSQ[1]['SYMBOL'] = 'MILD'"];
    assert_eq!(load(warehouse, &file, &entry).expect(0).json()["variants"], 1);
}

#[test]
fn planted_identifiers_in_entries_reach_no_file_of_the_database() {
    let warehouse = Warehouse::start();
    let folder = tempfile::tempdir().unwrap();
    let file = write(
        folder.path(),
        &[
            "chr7 100 . TT T . . CSQ=-|frameshift_variant|HIGH|CFTR|ENSG00000001626|Transcript|ENST00000003084|1|rs1|",
            "chr7 200 . A C . . CSQ=C|Zwiebelfisch|HIGH|123-45-6789|Zwiebelfisch|Transcript|987-65-4321|876-54-3219|765-43-2198|Zwiebelfisch,C|missense_variant|LOW|BRCA1||||||654-32-1987|543-21-9876|too|long",
            "chr7 300 . A C . . BCSQ=Zwiebelfisch|432-19-8765|321-98-7654|x|+|x|300A>C,@Zwiebelfisch",
        ],
    );
    // Without the stage that checks values the planner refuses, naming the columns.
    let spec = warehouse.run(["load", &file, "--csq", "--print-pipeline"]).expect(0).stdout;
    let bare = folder.path().join("bare.yaml");
    let kept = spec.lines().filter(|line| !line.contains("sanitize") && !line.contains("detect")).collect::<Vec<_>>();
    std::fs::write(&bare, kept.join("\n")).unwrap();
    let refused = warehouse.run(["check", bare.to_str().unwrap()]).expect(2);
    let said = format!("{}{}", refused.stdout, refused.stderr);
    assert!(said.contains("info.CSQ.gene") && said.contains("phi reaching the sink"), "{said}");

    let done = load(&warehouse, &file, &[]).expect(0);
    warehouse.sql("CHECKPOINT");
    let genes = warehouse.sql("SELECT pos, info->>'CSQ.gene', info->'CSQ'->0->>'SYMBOL' FROM genogate.variants ORDER BY pos");
    assert_eq!(genes, "100|CFTR|CFTR\n200||\n300||");
    let planted = [
        "Zwiebelfisch",
        "123-45-6789",
        "987-65-4321",
        "876-54-3219",
        "765-43-2198",
        "654-32-1987",
        "543-21-9876",
        "432-19-8765",
        "321-98-7654",
    ];
    for value in planted {
        assert!(!format!("{}{}", done.stdout, done.stderr).contains(value), "{value} is in the output");
        let found = Command::new("grep").args(["-r", "-l", "-a", "-F", "--", value]).arg(&warehouse.home).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&found.stdout), "", "{value}");
    }
}

#[test]
fn parquet_keeps_entries_nested() {
    use datafusion::arrow::array::{Array, AsArray};
    let folder = tempfile::tempdir().unwrap();
    let file = write(folder.path(), &["chr7 100 . TT T,TG . . CSQ=-|a|HIGH|CFTR||||1||,G|b|LOW|G2||||||"]);
    let lake = folder.path().join("lake");
    let home = folder.path().join("home");
    let mut command = super::support::genogate(&home);
    let arguments = ["load", &file, "--csq", "--profile", "open", "--parquet", lake.to_str().unwrap()];
    Done::from(command.args(arguments).output().unwrap()).expect(0);
    let find = Command::new("find").arg(&lake).args(["-name", "part-*.parquet", "-size", "+0"]).output().unwrap();
    let mut rows = Vec::new();
    for part in String::from_utf8(find.stdout).unwrap().lines() {
        let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(std::fs::File::open(part).unwrap());
        for batch in reader.unwrap().build().unwrap() {
            let batch = batch.unwrap();
            let (Some(nested), Some(gene)) = (batch.column_by_name("info.CSQ"), batch.column_by_name("info.CSQ.gene")) else {
                continue;
            };
            for row in 0..batch.num_rows() {
                let entries = nested.as_list::<i32>().value(row);
                let symbol = entries.as_struct().column_by_name("SYMBOL").unwrap().as_string::<i32>().value(0).to_owned();
                rows.push((entries.len(), symbol, gene.as_string::<i32>().value(row).to_owned()));
            }
        }
    }
    assert_eq!(rows, [(1, "CFTR".to_owned(), "CFTR".to_owned()), (1, "G2".to_owned(), "G2".to_owned())]);
}
