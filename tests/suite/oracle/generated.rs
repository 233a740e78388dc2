//! Files of chance: every Number and Type in INFO and FORMAT, symbolic alleles and breakends, genotypes of any phase, numbers of
//! any size. All of it is well-formed, so that a reader must agree with every cell.

use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const TYPES: [&str; 4] = ["Integer", "Float", "Character", "String"];
const NUMBERS: [&str; 6] = ["1", "2", "A", "R", "G", "."];

/// A declared field: id, Number, Type.
type Field = (String, &'static str, &'static str);

/// `IntegerA`, `StringU`, …: one of each Number and Type.
fn fields() -> Vec<Field> {
    let id = |number: &str, kind: &str| format!("{kind}{}", number.replace('.', "U"));
    TYPES.into_iter().flat_map(|kind| NUMBERS.map(|number| (id(number, kind), number, kind))).collect()
}

fn integer() -> BoxedStrategy<String> {
    // The eight lowest are BCF's own (VCF section 6.3.3).
    let any = prop_oneof![-130i32..130, -33_000i32..33_000, i32::MIN + 8..=i32::MAX, Just(i32::MIN + 8), Just(i32::MAX)];
    any.prop_map(|number| number.to_string()).boxed()
}

fn float() -> BoxedStrategy<String> {
    let bits = any::<u32>().prop_map(f32::from_bits).prop_filter("finite", |number| number.is_finite());
    let forms = (bits, any::<bool>()).prop_map(|(number, short)| if short { format!("{number:e}") } else { number.to_string() });
    prop_oneof![
        4 => forms,
        2 => (-1_000i32..1_000, 0u32..100).prop_map(|(whole, part)| format!("{whole}.{part}")),
        1 => select(vec!["nan", "inf", "-inf", "0", "-0.0", "1e-45", "3.4028235e38"]).prop_map(str::to_owned),
    ]
    .boxed()
}

fn string(percent: bool) -> BoxedStrategy<String> {
    let plain = "[a-zA-Z0-9_<>|/()+*&^@#!?\"'é語-]{1,12}";
    match percent {
        true => prop_oneof![3 => plain, 1 => "[a-z]{0,3}(%2C|%3B|%3A|%3D|%25)[a-z]{0,3}"].boxed(),
        false => plain.boxed(),
    }
}

fn scalar(kind: &str, percent: bool) -> BoxedStrategy<String> {
    match kind {
        "Integer" => integer(),
        "Float" => float(),
        "Character" => "[a-zA-Z0-9+*-]".boxed(),
        _ => string(percent),
    }
}

/// A value of the field in a record with so many ALT alleles.
fn value(number: &str, kind: &str, alts: usize, percent: bool) -> BoxedStrategy<String> {
    let count = match number {
        "1" => return prop_oneof![8 => scalar(kind, percent), 1 => Just(".".to_owned())].boxed(),
        "2" => 2..3,
        "A" => alts.max(1)..alts.max(1) + 1,
        "R" => alts + 1..alts + 2,
        "G" => (alts + 1) * (alts + 2) / 2..(alts + 1) * (alts + 2) / 2 + 1,
        _ => 1..6,
    };
    let item = prop_oneof![6 => scalar(kind, percent), 1 => Just(".".to_owned())];
    let list = prop::collection::vec(item, count).prop_map(|items| items.join(","));
    prop_oneof![8 => list, 1 => Just(".".to_owned())].boxed()
}

/// Of `ploidy` alleles, or of one. A sign before the first where the version has it.
fn genotype(ploidy: usize, alts: usize, leading: bool) -> BoxedStrategy<String> {
    let allele = prop_oneof![5 => (0..=alts).prop_map(|allele| allele.to_string()), 1 => Just(".".to_owned())];
    let many = prop::collection::vec((allele.clone(), any::<bool>()), ploidy).prop_map(move |alleles| {
        let sign = |phased: bool| if phased { "|" } else { "/" };
        alleles.iter().enumerate().fold(String::new(), |text, (nth, (allele, phased))| {
            let sign = if nth > 0 || leading && *phased { sign(*phased) } else { "" };
            text + sign + allele
        })
    });
    prop_oneof![4 => many, 1 => allele].boxed()
}

fn alleles() -> impl Strategy<Value = (String, Vec<String>)> {
    let bases = "[ACGTN]{1,6}";
    let symbolic =
        select(vec!["<DEL>", "<DUP:TANDEM>", "<INS>", "*", "<*>", "G]17:198982]", "]13:123456]T", "[chrX:7[AC", ".A", "T."]);
    let alt = prop_oneof![3 => bases, 1 => symbolic.prop_map(str::to_owned)];
    (bases, prop::collection::btree_set(alt, 0..4)).prop_map(|(reference, alts)| (reference, alts.into_iter().collect()))
}

fn joined(words: Vec<&'static str>) -> impl Strategy<Value = String> {
    let least = 0..=words.len();
    subsequence(words, least).prop_map(|words| if words.is_empty() { ".".to_owned() } else { words.join(";") })
}

/// A record with `samples` samples.
fn record(minor: u32, samples: usize) -> impl Strategy<Value = String> {
    let place = (select(vec!["1", "chrX", "HLA-A*01:01"]), prop_oneof![0u32..3, 1u32..100_000, Just(i32::MAX as u32 - 1)]);
    let fields = || subsequence(fields(), 0..6).prop_shuffle();
    let filter = prop_oneof![Just("PASS".to_owned()), joined(vec!["q10", "s50"])];
    let quality = prop_oneof![3 => (0u32..100_000).prop_map(|n| format!("{}", f64::from(n) / 8.0)), 1 => Just(".".to_owned())];
    let head = (place, joined(vec!["rs1", "x", "COSM2:3"]), alleles(), quality, filter);
    (head, fields(), any::<bool>(), fields(), 0usize..4).prop_flat_map(move |(head, infos, flag, formats, ploidy)| {
        let ((chrom, pos), ids, (reference, alts), quality, filter) = head;
        let (count, percent) = (alts.len(), minor >= 3);
        let infos: Vec<_> = infos
            .into_iter()
            .map(move |(id, number, kind)| value(number, kind, count, percent).prop_map(move |value| format!("{id}={value}")))
            .collect();
        let keys: Vec<String> =
            (ploidy > 0).then(|| "GT".to_owned()).into_iter().chain(formats.iter().map(|field| field.0.clone())).collect();
        let call = move || {
            let gt = (ploidy > 0).then(|| genotype(ploidy, count, minor >= 4));
            let rest = formats.iter().map(move |(_, number, kind)| value(number, kind, count, percent));
            gt.into_iter().chain(rest).collect::<Vec<_>>()
        };
        let cut = |(mut call, keep): (Vec<String>, usize)| {
            call.truncate(keep.max(1));
            call.join(":")
        };
        let calls: Vec<_> = (0..samples).map(|_| (call(), 0usize..9).prop_map(cut)).collect();
        let columns = [chrom.to_owned(), pos.to_string(), ids, reference, alts.join(","), quality, filter];
        (infos, calls).prop_map(move |(mut infos, calls)| {
            infos.extend(flag.then(|| "DB".to_owned()));
            let mut line = columns.clone().map(|column| if column.is_empty() { ".".to_owned() } else { column }).join("\t");
            line += &format!("\t{}", if infos.is_empty() { ".".to_owned() } else { infos.join(";") });
            if samples > 0 && !keys.is_empty() {
                line += &format!("\t{}\t{}", keys.join(":"), calls.join("\t"));
            } else if samples > 0 {
                line += &format!("\tGT{}", "\t.".repeat(samples));
            }
            line + "\n"
        })
    })
}

/// A VCF file of version 4.2 to 4.4.
pub fn file() -> impl Strategy<Value = String> {
    (2u32..5, 0usize..4).prop_flat_map(|(minor, samples)| {
        prop::collection::vec(record(minor, samples), 1..12).prop_map(move |records| {
            let mut text = format!("##fileformat=VCFv4.{minor}\n");
            ["1", "chrX", "HLA-A*01:01"].iter().for_each(|name| text += &format!("##contig=<ID={name}>\n"));
            ["q10", "s50"].iter().for_each(|name| text += &format!("##FILTER=<ID={name},Description=\"\">\n"));
            text += "##INFO=<ID=DB,Number=0,Type=Flag,Description=\"\">\n";
            for key in ["INFO", "FORMAT"] {
                for (id, number, kind) in fields() {
                    text += &format!("##{key}=<ID={id},Number={number},Type={kind},Description=\"\">\n");
                }
            }
            text += "##FORMAT=<ID=GT,Number=1,Type=String,Description=\"\">\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO";
            (samples > 0).then(|| text += "\tFORMAT");
            (0..samples).for_each(|sample| text += &format!("\tS{sample}"));
            text + "\n" + &records.concat()
        })
    })
}
