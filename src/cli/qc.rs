//! `genogate loads qc`: what a load looks like, as text, JSON or a page. It must not know how it is counted.

use std::io::Write;
use std::path::Path;

use serde_json::json;
use uuid::Uuid;

use super::Console;
use super::door::Door;
use super::layout::{Heading, left, right};
use super::output::{begin, end};
use crate::error::{Error, Result};
use crate::warehouse::qc::{self, Histogram, Qc, Sample};

/// Samples shown as text; `--json` and `--html` have all.
const SHOWN: usize = 50;

/// Counts, then writes the page or prints the figures.
pub async fn run(console: &Console, door: &Door, load: Uuid, html: Option<&Path>, force: bool) -> Result<()> {
    let to_stdout = html.is_some_and(|path| path.as_os_str() == "-");
    let file = html.filter(|_| !to_stdout).map(|path| begin(path, force).map(|file| (file, path))).transpose()?;
    let qc = qc::qc(door.connect().await?, door.grant(), &door.recorder(), load).await?;
    if to_stdout {
        console.raw(qc::page(&qc).as_bytes());
        return Ok(());
    }
    console.object(json!(qc));
    if let Some((mut file, path)) = file {
        let failed = |error: std::io::Error| Error::failed(format!("{}: cannot be written ({})", path.display(), error.kind()));
        file.write_all(qc::page(&qc).as_bytes()).map_err(failed)?;
        end(file, path, force)?;
        console.remark(format_args!("wrote {}", path.display()));
        return Ok(());
    }
    show(console, &qc);
    Ok(())
}

fn show(console: &Console, qc: &Qc) {
    console.line(format_args!("load {} of `{}`, assembly {}", qc.load_id, qc.name, qc.assembly));
    for note in &qc.notes {
        console.line(note);
    }
    let kinds: Vec<[String; 3]> = qc
        .kinds
        .iter()
        .map(|(kind, count)| {
            let once = qc.singletons.as_ref().map_or("-".into(), |once| once.get(kind).copied().unwrap_or(0).to_string());
            [kind.clone(), count.to_string(), once]
        })
        .collect();
    console.line(format_args!(
        "\n{} rows; ts/tv {} ({} transitions, {} transversions)\n",
        qc.rows,
        decimal(qc.ts_tv),
        qc.transitions,
        qc.transversions
    ));
    console.table(&[left("alleles"), right("count"), right("called once")], &kinds);
    console.line("");
    let contigs: Vec<[String; 5]> = qc
        .contigs
        .iter()
        .map(|contig| {
            let [alleles, snps, indels, others] =
                [contig.alleles, contig.snps, contig.indels, contig.others].map(|n| n.to_string());
            [contig.contig.clone(), alleles, snps, indels, others]
        })
        .collect();
    console.table(&[left("contig"), right("alleles"), right("SNPs"), right("indels"), right("others")], &contigs);
    for (title, histogram) in [
        ("QUAL", &qc.quality),
        ("DP of stored calls", &qc.depth),
        ("frequency among called alleles", &qc.frequency),
        ("share of missing calls", &qc.missing),
    ] {
        draw(console, title, histogram);
    }
    if !qc.samples.is_empty() {
        console.line("");
        console.table(&SAMPLES, &qc.samples.iter().take(SHOWN).map(sample).collect::<Vec<_>>());
    }
    if qc.samples.len() > SHOWN {
        console.line(format_args!("and {} more: see --html or `samples` of --json", qc.samples.len() - SHOWN));
    }
}

/// Bars of text, up to 40 characters.
fn draw(console: &Console, title: &str, histogram: &Histogram) {
    let Some(most) = histogram.counts.iter().max().filter(|most| **most > 0) else { return };
    let none = if histogram.none > 0 { format!(" ({} without)", histogram.none) } else { String::new() };
    console.line(format_args!("\n{title}{none}"));
    let last = histogram.counts.iter().rposition(|count| *count > 0).unwrap_or(0);
    for (at, count) in histogram.counts.iter().enumerate().take(last + 1) {
        let from = format!("{:.2}", histogram.from + histogram.width * at as f64);
        let bar = "#".repeat((count * 40 / most) as usize);
        console.line(format_args!("  {:>7} {count:>9} {bar}", from.trim_end_matches('0').trim_end_matches('.')));
    }
}

const SAMPLES: [Heading; 10] = [
    left("sample"),
    right("hom ref"),
    right("het"),
    right("hom alt"),
    right("hap alt"),
    right("missing"),
    right("het/hom"),
    right("ts/tv"),
    right("depth"),
    left("X"),
];

fn sample(sample: &Sample) -> [String; 10] {
    let counts = &sample.counts;
    let [hom_ref, het, hom_alt, haploid, missing] =
        [counts.hom_ref, counts.het, counts.hom_alt, counts.haploid_alt, counts.missing].map(|count| count.to_string());
    let [by_hom, by_tv, depth] = [sample.het_hom, sample.ts_tv, sample.mean_depth].map(decimal);
    [sample.sample_id.clone(), hom_ref, het, hom_alt, haploid, missing, by_hom, by_tv, depth, sample.x.copies.name().to_owned()]
}

fn decimal(value: Option<f64>) -> String {
    value.map_or_else(|| "-".into(), |value| format!("{value:.2}"))
}
