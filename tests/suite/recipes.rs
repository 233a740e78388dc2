//! The recipes of docs/query.md, over a load with one row an ALT and one without.

use serde_json::{Value, json};

use super::support::{Warehouse, repository};

const TRIO: &str = "##fileformat=VCFv4.2\n##contig=<ID=1>\n\
##INFO=<ID=AF,Number=A,Type=Float,Description=\"f\">\n\
##INFO=<ID=CSQ,Number=.,Type=String,Description=\"Consequence annotations from Ensembl VEP. Format: Allele|Consequence|IMPACT|SYMBOL|Gene\">\n\
##FORMAT=<ID=GT,Number=1,Type=String,Description=\"g\">\n\
#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\tFORMAT\tfather\tmother\tchild\n\
1\t100\t.\tA\tC\t50\tPASS\tAF=0.25;CSQ=C|missense_variant|MODERATE|BRCA2|ENSG1\tGT\t0/0\t0/0\t0/1\n\
1\t200\t.\tA\tC,G\t50\tPASS\tAF=0.125,0.5\tGT\t0/1\t0/2\t1/2\n\
1\t300\t.\tT\tA\t50\tPASS\tAF=0.5\tGT\t./.\t0/0\t0/1\n\
1\t400\t.\tT\tA\t50\tPASS\tAF=0.1\tGT\t0/1\t0/0\t0/0\n";

/// The `sql` block below a heading.
fn recipe(heading: &str) -> String {
    let text = std::fs::read_to_string(repository("docs/query.md")).unwrap();
    let part = text.split(&format!("\n### {heading}\n")).nth(1).unwrap_or_else(|| panic!("{heading}"));
    let block = part.split("\n```sql\n").nth(1).unwrap();
    block.split("\n```").next().unwrap().to_owned()
}

#[test]
fn every_recipe_gives_the_same_over_split_and_unsplit_loads() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("trio.vcf");
    std::fs::write(&file, TRIO).unwrap();
    for flags in [&["--calls", "all"][..], &["--calls", "all", "--no-split"], &["--calls", "carriers"]] {
        let warehouse = Warehouse::start();
        warehouse.run(["load", file.to_str().unwrap(), "--profile", "open", "--csq"].iter().chain(flags)).expect(0);
        let ask = |heading: &str| -> Vec<Value> {
            let rows = warehouse.run(["query", &recipe(heading), "--json"]).expect(0).json()["rows"].clone();
            let rows = rows.as_array().unwrap().clone();
            rows.into_iter().map(|row| json!(row.as_object().unwrap().values().collect::<Vec<_>>())).collect()
        };
        let split = !flags.contains(&"--no-split");
        assert_eq!(ask("De novo in a trio"), [json!(["1", 100, "A", "C"])], "{flags:?}");
        let gene = ask("Variants in a gene");
        assert_eq!((gene.len(), &gene[0][1]), (1, &json!(100)), "{flags:?}: {gene:?}");
        assert!(gene[0][5].as_str().unwrap().contains("missense_variant"), "{gene:?}");
        let af = ask("Allele frequency, as the file has it");
        let wanted = [
            json!(["1", 100, "A", "C", 0.25]),
            json!(["1", 200, "A", "C", 0.125]),
            json!(["1", 200, "A", "G", 0.5]),
            json!(["1", 300, "T", "A", 0.5]),
            json!(["1", 400, "T", "A", 0.1]),
        ];
        assert_eq!(af, wanted, "{flags:?}");
        let carriers = ask("Who carries a variant");
        let who: Vec<(&str, i64)> = carriers.iter().map(|row| (row[0].as_str().unwrap(), row[1].as_i64().unwrap())).collect();
        let at_200 = if split { vec!["child", "child", "father", "mother"] } else { vec!["child", "father", "mother"] };
        let wanted: Vec<(&str, i64)> = at_200.into_iter().map(|who| (who, 200)).chain([("child", 300)]).collect();
        assert_eq!(who, wanted, "{flags:?}");
        if flags.contains(&"all") {
            let frequency = ask("Frequency in the cohort, from the genotypes");
            let counts: Vec<Value> = frequency.iter().map(|row| json!([row[1], row[3], row[4], row[5]])).collect();
            let wanted = [
                json!([100, "C", 1, 6]),
                json!([200, "C", 2, 6]),
                json!([200, "G", 2, 6]),
                json!([300, "A", 1, 4]),
                json!([400, "A", 1, 6]),
            ];
            assert_eq!(counts, wanted, "{flags:?}");
        }
    }
}
