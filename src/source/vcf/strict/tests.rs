//! Rules of strict mode, each with what it refuses and where; and the specification's own files.

use std::path::Path;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::error::{Class, Result};
use crate::machine::real_folder;
use crate::source::vcf::header::Header;
use crate::source::vcf::reason::Reason;
use crate::source::vcf::testing::{Read, read, read_bytes};
use crate::source::vcf::{Calls, Config, Conformance, OnBadRecord, UnitSize};

/// Files of the suites that must be refused according to their name, but not according to the specification's text; each is
/// justified in docs/vcf-conformance.md.
const NOT_REFUSED: [&str; 4] = [
    "4.3/failed/failed_body_chrom_001.vcf",
    "4.3/failed/failed_body_chrom_004.vcf",
    "4.3/failed/failed_meta_contig_003.vcf",
    "4.3/failed/failed_meta_sample_003.vcf",
];

fn strict(config: &mut Config) {
    (config.conformance, config.calls) = (Conformance::Strict, Calls::All);
}

/// The message of a text that strict mode refuses, without `input 1: `.
async fn refused(text: &str) -> String {
    let error = read_bytes(text.as_bytes(), 2, strict).await.err().unwrap_or_else(|| panic!("not refused: {text}"));
    assert_eq!(error.class(), Class::Input, "{error}");
    assert!(error.hint().is_some(), "{error}");
    error.to_string().strip_prefix("input 1: ").unwrap().to_owned()
}

async fn taken(text: &str) -> Result<Read> {
    read_bytes(text.as_bytes(), 2, strict).await
}

/// A file of version 4.`minor`; blanks of the records are tabs.
fn file(minor: u32, head: &str, samples: &str, records: &[&str]) -> String {
    let columns = "#CHROM POS ID REF ALT QUAL FILTER INFO";
    let columns = if samples.is_empty() { columns.to_owned() } else { format!("{columns} FORMAT {samples}") };
    let lines: String =
        std::iter::once(columns.as_str()).chain(records.iter().copied()).map(|line| line.replace(' ', "\t") + "\n").collect();
    format!("##fileformat=VCFv4.{minor}\n{head}{lines}")
}

#[tokio::test]
async fn the_suites_of_the_specification() {
    let Some(folder) = real_folder() else { return };
    let folder = folder.join("conformance/hts-specs");
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for version in std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_dir()) {
        for kind in ["passed", "failed"] {
            for path in std::fs::read_dir(version.join(kind)).unwrap().map(|entry| entry.unwrap().path()) {
                seen += 1;
                let name = path.strip_prefix(&folder).unwrap().to_string_lossy().into_owned();
                let mut config = Config::of([path.to_string_lossy()]);
                config.unit = UnitSize::Bytes(300);
                strict(&mut config);
                let must_pass = kind == "passed" || NOT_REFUSED.contains(&name.as_str());
                match read(&config, Path::new("/"), 3).await {
                    Ok(_) if must_pass => {}
                    Ok(_) => wrong.push(format!("{name}: taken")),
                    Err(error) if must_pass => wrong.push(format!("{name}: {error}")),
                    Err(error) if error.class() != Class::Input => wrong.push(format!("{name}: {:?}: {error}", error.class())),
                    Err(error) => {
                        let text = std::fs::read_to_string(&path).unwrap();
                        let told = error.to_string();
                        let line = told.split("line ").nth(1).and_then(|rest| rest.split(':').next()?.parse::<usize>().ok());
                        if !text.trim().is_empty() && line.is_none_or(|line| line == 0 || line > text.lines().count()) {
                            wrong.push(format!("{name}: no line in `{told}`"));
                        }
                    }
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} of {seen}:\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen >= 464, "only {seen} files");
}

#[tokio::test]
async fn lines_of_the_header() {
    let good = "##INFO=<ID=DP,Number=1,Type=Integer,Description=\"d\",Source=\"s\">\n";
    for (minor, line, complaint) in [
        (3, "##text", "header: a `##` line without `=`"),
        (3, "##a=", "header: a `##` line without key or value"),
        (3, "text", "#CHROM: neither a `##` line nor the column line"),
        (3, "", "#CHROM: neither a `##` line nor the column line"),
        (3, "##fileformat=VCFv4.3", "fileformat: a second time"),
        (3, "##INFO=<ID=X,Number=1,Type=Integer>", "INFO: not all of its parts are there"),
        (3, "##INFO=<Number=1,ID=X,Type=Integer,Description=\"\">", "INFO: the parts are not in the order of the specification"),
        (3, "##INFO=<ID=X,Number=1,Type=Integer,Description=d>", "INFO: a description or an optional part that is not quoted"),
        (3, "##INFO=<ID=X,Number=1,Type=Int,Description=\"\">", "INFO: not a Type"),
        (3, "##INFO=<ID=X,Number=P,Type=Integer,Description=\"\">", "INFO: not a Number"),
        (1, "##INFO=<ID=X,Number=R,Type=Integer,Description=\"\">", "INFO: not a Number"),
        (5, "##INFO=<ID=X,Number=LR,Type=Integer,Description=\"\">", "INFO: not a Number"),
        (3, "##INFO=<ID=1X,Number=1,Type=Integer,Description=\"\">", "INFO: not a key's ID"),
        (
            3,
            "##INFO=<ID=AC,Number=1,Type=Integer,Description=\"\">",
            "INFO: a reserved key with another Number than the specification's",
        ),
        (
            3,
            "##INFO=<ID=AF,Number=A,Type=String,Description=\"\">",
            "INFO: a reserved key with another Type than the specification's",
        ),
        (
            4,
            "##INFO=<ID=SVLEN,Number=1,Type=Integer,Description=\"\">",
            "INFO: a reserved key with another Number than the specification's",
        ),
        (3, "##INFO=<ID=DP,Number=1,Type=Integer,Description=\"e\">", "INFO: the ID is declared a second time"),
        (3, "##FORMAT=<ID=F,Number=0,Type=Flag,Description=\"\">", "FORMAT: not a Type"),
        (4, "##FORMAT=<ID=F,Number=LA,Type=Integer,Description=\"\">", "FORMAT: not a Number"),
        (3, "##FILTER=<ID=0,Description=\"\">", "FILTER: not a filter's ID"),
        (2, "##ALT=<ID=DEL1,Description=\"\">", "ALT: the ID is not that of a symbolic allele"),
        (4, "##ALT=<ID=BND:X,Description=\"\">", "ALT: the ID is not that of a symbolic allele"),
        (3, "##contig=<ID=*1>", "contig: the ID is not a contig's name"),
        (3, "##contig=<ID=1,length=x>", "contig: the length is not a number"),
        (2, "##SAMPLE=<ID=S>", "SAMPLE: not all of its parts are there"),
        (3, "##SAMPLE=<Assay=x>", "SAMPLE: no ID"),
        (3, "##PEDIGREE=<Father=x>", "PEDIGREE: no ID"),
        (3, "##META=<ID=A,Number=.,Type=String,Values=x>", "META: no list of Values in square brackets"),
        (3, "##assembly=here", "assembly: not a URL"),
        (3, "##own=<Key=1>", "header: no ID"),
        (3, "##a=\u{1}", "header: holds a control character"),
    ] {
        let text = file(minor, &format!("{good}{line}\n"), "", &[]);
        assert_eq!(refused(&text).await, format!("line 3: {complaint}"), "{line}");
        assert!(read_bytes(text.as_bytes(), 1, |_| {}).await.is_ok(), "lenient: {line}");
    }
    for (minor, line) in [
        (4, "##INFO=<Number=1,ID=X,Type=Integer,Description=\"\">"),
        (2, "##PEDIGREE=<Name_0=a,Name_1=b.c>"),
        (2, "##pedigreeDB=<http://a.b/c>"),
        (2, "##own=<\"text\">"),
        (3, "##own=<ID=x,Command=\"a=b, <c>\">"),
        (3, "##INFO=<ID=X,Number=A,Type=Flag,Description=\"\">"),
        (5, "##FORMAT=<ID=LAD,Number=LR,Type=Integer,Description=\"\">"),
        (5, "##FORMAT=<ID=M5mC,Number=M,Type=Float,Description=\"\">"),
        (1, "##ALT=<ID=DEL:ME:ALU,Description=\"\">"),
        (3, "##ALT=<ID=R,Description=\"IUPAC\">"),
    ] {
        taken(&file(minor, &format!("{line}\n"), "", &[])).await.unwrap_or_else(|error| panic!("{line}: {error}"));
    }
}

#[tokio::test]
async fn the_first_and_the_last_line() {
    for first in ["##fileformat=VCFv4.6", "##fileformat=vcfv4.3", "##fileformat=VCFv4.3 ", "##x=y"] {
        let text = file(3, "", "", &[]).replacen("##fileformat=VCFv4.3", first, 1);
        assert!(refused(&text).await.starts_with("line 1: fileformat: "), "{first}");
    }
    for columns in ["#CHROM POS", "#CHROM POSITION ID REF ALT QUAL FILTER INFO", "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT"]
    {
        let text = format!("##fileformat=VCFv4.3\n{}\n", columns.replace(' ', "\t"));
        assert!(refused(&text).await.starts_with("line 2: #CHROM: "), "{columns}");
    }
    assert_eq!(refused(&file(3, "", "A B A", &[])).await, "line 2: #CHROM: a sample's name is repeated");
    let record = "1 1 . A C . . .";
    for (minor, fits) in [(2, true), (3, false)] {
        let text = file(minor, "", "", &[record]);
        let text = text.trim_end_matches('\n');
        assert_eq!(taken(text).await.is_ok(), fits);
        assert_eq!(taken(text.split_at(text.len() - record.len() - 1).0).await.is_ok(), fits);
    }
    assert!(taken(&file(3, "", "", &[record, "", ""])).await.is_ok());
    let text = file(3, "", "", &[record, "", "1 2 . A C . . ."]);
    assert_eq!(refused(&text).await, format!("line 5: record: {}", Reason::BlankLineBefore));
}

const HEAD: &str = "##INFO=<ID=N,Number=1,Type=Integer,Description=\"\">
##INFO=<ID=C,Number=1,Type=Character,Description=\"\">
##FORMAT=<ID=X,Number=A,Type=Float,Description=\"\">
##FORMAT=<ID=Y,Number=2,Type=Integer,Description=\"\">
";

#[tokio::test]
async fn fields_of_a_record() {
    for (minor, record, place, reason) in [
        (3, "1 1 . A C . . . GT", "record", Reason::WrongColumns),
        (3, "1 1 . A C . . . GT 0 0", "record", Reason::WrongColumns),
        (3, "*1 1 . A C . . . GT 0", "CHROM", Reason::NotContig),
        (1, "chr:1 1 . A C . . . GT 0", "CHROM", Reason::NotContig),
        (2, "HLA-A*01:01 1 . A C . . . GT 0", "CHROM", Reason::NotContig),
        (3, "1 +1 . A C . . . GT 0", "POS", Reason::NotPosition),
        (3, "1 1 a;a A C . . . GT 0", "ID", Reason::RepeatedIdentifier),
        (3, "1 1 . A C 1. . . GT 0", "QUAL", Reason::NotNumber),
        (3, "1 1 . A C -1 . . GT 0", "QUAL", Reason::Negative),
        (3, "1 1 . A A . . . GT 0", "ALT", Reason::AlleleIsRef),
        (3, "1 1 . A <X:Y> . . . GT 0", "ALT", Reason::UnknownSubtype),
        (3, "1 1 . A C . q;q . GT 0", "FILTER", Reason::RepeatedFilter),
        (3, "1 1 . A C . . N=1; GT 0", "INFO", Reason::EmptyEntry),
        (3, "1 1 . A C . . N=1;N=1 GT 0", "INFO", Reason::RepeatedKey),
        (3, "1 1 . A C . . N GT 0", "INFO/N", Reason::NoValue),
        (3, "1 1 . A C . . N= GT 0", "INFO/N", Reason::EmptyValue),
        (3, "1 1 . A C . . C=xy GT 0", "INFO/C", Reason::Characters),
        (3, "1 1 . A C . . END=0 GT 0", "INFO/END", Reason::EndBeforePos),
        (3, "1 1 . AT A . . SVLEN=1 GT 0", "INFO/SVLEN", Reason::WrongLength),
        (3, "1 1 . A <DEL> . . SVLEN=5 GT 0", "INFO/SVLEN", Reason::WrongLength),
        (3, "1 1 . A C . . AF=1.5 GT 0", "INFO/AF", Reason::NotFraction),
        (2, "1 1 . A C . . . G_T 0", "FORMAT", Reason::NotKey),
        (3, "1 1 . A C . . . X:GT 0:0", "FORMAT", Reason::GtNotFirst),
        (3, "1 1 . A C . . . GT /0/1", "FORMAT/GT", Reason::LeadingPhase),
        (3, "1 1 . A C . . . GT 0/|1", "FORMAT/GT", Reason::NotGenotype),
        (3, "1 1 . A C . . . GT 0/2", "FORMAT/GT", Reason::PastAlt),
        (3, "1 1 . A C . . . GT:X 0::", "FORMAT", Reason::SurplusCallValues),
        (3, "1 1 . A C . . . GT:X 0:", "FORMAT/X", Reason::EmptyValue),
        (3, "1 1 . A C,G . . . GT:X 0:1", "FORMAT/X", Reason::WrongCount),
        (3, "1 1 . A C . . . GT:Y 0:1", "FORMAT/Y", Reason::WrongCount),
        (3, "1 1 . A C . . . GT:PL 0:1,2,3", "FORMAT/PL", Reason::WrongCount),
        (3, "1 1 . A C . . . PL 1,2", "FORMAT/PL", Reason::WrongCount),
        (3, "1 1 . A C . . . GP 0,1,2", "FORMAT/GP", Reason::NotFraction),
        (3, "1 1 . A C . . . PS -1", "FORMAT/PS", Reason::Negative),
        (4, "1 1 . A C . . . GT:PSL /0|1:a,b", "FORMAT/PSL", Reason::UnphasedPhaseSet),
        (4, "1 1 . A C . . . GT:PSL 0|1:a", "FORMAT/PSL", Reason::WrongCount),
        (4, "1 1 . A C . . . GT:PSL:PSO |0/1:a,.:1,2", "FORMAT/PSO", Reason::NoPhaseSet),
        (4, "1 1 . A C . . . GT:PSL:PS |0|1:a,a:1", "FORMAT/PSL", Reason::TwoPhaseSets),
        (5, "1 1 . A C . . . GT:LAD 0:1", "FORMAT", Reason::LocalWithoutLaa),
        (5, "1 1 . A C . . . GT:LAD:LAA 0:1:.", "FORMAT", Reason::LaaNotFirst),
        (5, "1 1 . A C . . . GT:LAA 0:2", "FORMAT/LAA", Reason::NotLocalAlleles),
        (5, "1 1 . A C,G . . . GT:LAA:LAD 0:2:1,2,3", "FORMAT/LAD", Reason::WrongCount),
        (5, "1 1 . A C . . . GT:M5mC 0:1.5", "FORMAT/M5mC", Reason::NotFraction),
    ] {
        let text = file(minor, HEAD, "S", &["1 1 . G C . . . GT 0", record]);
        assert_eq!(refused(&text).await, format!("line 8: {place}: {reason}"), "{record}");
    }
    for (minor, record) in [
        (3, "HLA-A*01:01 1 a,b A C,* 1e-3 a.b;PASS N=7;C=%3B;T=a_b=c;1000G=1 GT:X:PL:Q ./.:.:."),
        (3, "<ctg> 1 . A C[<ctg>:7[ NaN . END=1;AF=.;SVLEN=4 GT 0|1|1"),
        (2, "1 1 . A C . q;q x-y=1;N=1;N=2 GT .|1"),
        (3, "1 1 . A . . . AC=1 GT:GL 0/0:-1,-2,-3"),
        (4, "1 1 . A C . . . GT:PSL:PSQ /0|1:.,a:.,3"),
        (4, "1 1 . A <*> . . END=7 GT |0"),
        (5, "1 1 . G A,T . . . GT:LAA:LAD:LPL 0/0::30:0"),
        (5, "1 1 . G A,C,T,<*> . . . GT:LAA:LAD:LPL 2/4:2,4:20,30,10:90,80,0,100,110,120"),
        (5, "1 1 . C CTAG . . . GT:M5mC 0/1:0,0.5,0.7"),
    ] {
        taken(&file(minor, HEAD, "S", &[record])).await.unwrap_or_else(|error| panic!("{record}: {error}"));
    }
}

proptest! {
    #[test]
    fn no_line_breaks_the_checker(
        minor in 0u32..6,
        line in "[0-2.,;:=/|<>*ACGTN%\\[\\] \t-]{0,80}",
        keys in "(GT|LAA|PSL|PL|SVLEN=|RUC=|RUB=|RN=|CIRB=){0,5}",
        bytes in prop::collection::vec(any::<u8>(), 0..60),
    ) {
        let header = Header::parse(file(minor, HEAD, "S", &[]).as_bytes()).unwrap();
        let mut checker = Checker::new(Arc::new(Rules::of(&header)));
        for text in [line.clone().into_bytes(), bytes, format!("1\t1\t.\tA\t{line}\t.\t.\t{keys}{line}\t{keys}\t{line}").into_bytes()] {
            let _ = checker.check(&text);
            checker.pass(&text);
        }
        let info = format!("RN=9,{n};RUC={n};RUB=1;SVLEN={n};CIPOS={n}", n = "9".repeat(keys.len() + 1));
        let wide = format!("1\t99\t.\tA\t<CNV:TR>\t.\t.\t{info}\tGT:PL\t{}:1", "0/".repeat(100) + "0");
        let _ = checker.check(wide.as_bytes());
        let text = file(minor, &format!("##INFO=<{line}>\n##{line}\n"), "S", &[]);
        let _ = header::check(text.as_bytes());
    }
}

#[tokio::test]
async fn structural_variants_since_4_4() {
    for (info, alt, place, reason) in [
        ("SVCLAIM=D", "<DEL>", "INFO/SVLEN", Reason::NoSvLen),
        ("SVLEN=5", "<DUP:TANDEM>", "INFO/SVCLAIM", Reason::NotClaim),
        ("SVLEN=5;SVCLAIM=J", "<CNV>", "INFO/SVCLAIM", Reason::NotClaim),
        ("SVLEN=5;SVCLAIM=D;CIPOS=-1,1,0,0", "<DEL>", "INFO/CIPOS", Reason::NotTwoAnAlt),
        ("SVLEN=5;SVCLAIM=D;CIPOS=1,2", "<DEL>", "INFO/CIPOS", Reason::IntervalWithoutZero),
        ("SVLEN=5;MEINFO=a,1,2", "<INS>", "INFO/MEINFO", Reason::NotFourAnAlt),
        ("SVLEN=5", "<CNV:TR>", "INFO/RUS", Reason::NoRepeatUnit),
        ("SVLEN=5;RUS=CAG,CA", "<CNV:TR>", "INFO/RUS", Reason::NotOneARepeat),
        ("SVLEN=5;RUS=CAG;RUL=2", "<CNV:TR>", "INFO/RUL", Reason::NotUnitLength),
        ("SVLEN=5;RUL=2;RUC=3;RUB=1,2", "<CNV:TR>", "INFO/RUB", Reason::NotOneAUnit),
        ("SVLEN=5;RUL=2;CIRUC=0,1", "<CNV:TR>", "INFO/CIRUC", Reason::IntervalAroundNothing),
        ("SVLEN=5,6;SVCLAIM=D,D", "<DEL>,<DUP>", "INFO/SVLEN", Reason::SharedCopyNumber),
    ] {
        let record = format!("1 1 . A {alt} . . {info} GT:CN 0:1");
        assert_eq!(refused(&file(4, "", "S", &[&record])).await, format!("line 3: {place}: {reason}"), "{record}");
        assert!(
            taken(&file(3, "", "S", &[&record.replace("<DEL>", "<INS>")])).await.is_ok()
                || info.contains("SVLEN=5,6")
                || info.contains("CIPOS=-1,1,0,0")
                || info.contains("MEINFO"),
            "{record}"
        );
    }
    for record in [
        "1 1 . T <CNV:TR>,<CNV:TR> . . SVLEN=30,30;CN=3,0.9666;RUS=CAG,CAG,CA,CAG;RN=1,3;RB=90,15,2,12 GT:CN 1|2:3.9666",
        "1 1 . T <CNV:TR> . . SVLEN=30;CN=6.5;RUS=CAG;RUC=65;CIRUC=-15,. GT ./.",
        "1 1 . T <DEL>,A . . SVLEN=30,.;SVCLAIM=DJ,.;CIEND=-5,5,.,. GT 1",
        "1 1 . T <UNK> . . . GT 1",
    ] {
        taken(&file(4, "", "S", &[record])).await.unwrap_or_else(|error| panic!("{record}: {error}"));
    }
}

#[tokio::test]
async fn what_only_the_whole_file_shows() {
    let many: Vec<String> = (0..400).map(|i| format!("chr{} {} . A C . . .", i / 100 + 1, i + 1)).collect();
    let with = |at: usize, line: &str| {
        let mut lines: Vec<&str> = many.iter().map(String::as_str).collect();
        lines.insert(at, line);
        file(3, "", "", &lines)
    };
    for (at, line, place, reason) in [
        (300, "chr1 1000 . A C . . .", "CHROM", Reason::ScatteredContig),
        (150, "chr2 110 . A C . . .", "POS", Reason::Unsorted),
        (150, "chr2 150 . A C . . .", "record", Reason::RepeatedVariant),
    ] {
        let text = with(at, line);
        for unit in [200, 1 << 20] {
            let small = |config: &mut Config| {
                strict(config);
                config.unit = UnitSize::Bytes(unit);
            };
            let error = read_bytes(text.as_bytes(), 3, small).await.err().unwrap();
            assert_eq!(error.to_string(), format!("input 1: line {}: {place}: {reason}", at + 3), "unit {unit}");
            let aside = |config: &mut Config| {
                small(config);
                config.on_bad_record = OnBadRecord::Quarantine;
            };
            let read = read_bytes(text.as_bytes(), 3, aside).await.unwrap();
            let bad: usize = read.units.iter().map(|unit| unit.bad.len()).sum();
            assert_eq!((bad + read.batch.num_rows(), read.records()), (401, 401));
            assert!(bad >= 1);
        }
    }
    for same in [["TAT TGT", "A G"], ["AT AAT,AA", "T A"]] {
        let records = [format!("1 5 . {} . . .", same[0]), format!("1 6 . {} . . .", same[1])];
        let text = file(3, "", "", &[&records[0], &records[1]]);
        assert_eq!(refused(&text).await, format!("line 4: record: {}", Reason::RepeatedVariant));
    }
    let alike = [
        "1 5 . A <INS> . . .",
        "1 5 . A <INS> . . .",
        "1 5 . A C . . .",
        "1 5 . A G . . .",
        "1 5 . AT A . . .",
        "<1> 6 . T C . . .",
    ];
    assert!(taken(&file(3, "", "", &alike)).await.is_ok());
}

#[tokio::test]
async fn a_resumed_load_still_knows_the_records_before() {
    let lines: Vec<String> = (0..100).map(|i| format!("1 {} . A C . . .", i + 1)).chain(["1 7 . A G . . .".to_owned()]).collect();
    let text = file(3, "", "", &lines.iter().map(String::as_str).collect::<Vec<_>>());
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("x"), text).unwrap();
    let mut config = Config::of(["x"]);
    strict(&mut config);
    config.unit = UnitSize::Bytes(500);
    let sql = "SELECT pos FROM t";
    let error = crate::source::vcf::testing::read_rest(&config, folder.path(), 2, sql, &[0, 1, 2]).await.err().unwrap();
    assert_eq!(error.to_string(), format!("input 1: line 103: POS: {}", Reason::Unsorted));
}
