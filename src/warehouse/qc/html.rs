//! A load's figures as one page that needs nothing but itself: no script, no font, no picture from elsewhere. It must not ask a database.

use std::fmt::{Display, Write};

use super::chart::{Bar, Dot, bars, dots, escaped};
use super::figures::{Copies, Histogram, Qc, Sample, StoredCalls, is_transition, ratio};

const STYLE: &str = include_str!("page.css");

/// The page.
pub fn page(qc: &Qc) -> String {
    let title = format!("Load {}", qc.load_id);
    let mut page = format!(
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"><style>{STYLE}</style></head><body><main>\
         <h1>{}</h1><p class=\"sub\">Load {} · assembly {}</p>",
        escaped(&qc.name),
        qc.load_id,
        escaped(&qc.assembly)
    );
    let kind = |name: &str| qc.kinds.get(name).copied().unwrap_or(0);
    let calls = match qc.stored_calls {
        StoredCalls::All => "all",
        StoredCalls::Carriers => "carriers",
        StoredCalls::None => "none",
    };
    let singletons = qc.singletons.as_ref().map_or("-".into(), |kinds| grouped(kinds.values().sum()));
    let tiles = [
        ("rows", grouped(qc.rows)),
        ("SNPs", grouped(kind("snp"))),
        ("indels", grouped(kind("insertion") + kind("deletion"))),
        ("ts/tv", decimal(qc.ts_tv)),
        ("singletons", singletons),
        ("samples", grouped(qc.samples.len() as u64)),
        ("calls stored", calls.to_owned()),
    ];
    page.push_str("<div class=\"tiles\">");
    for (name, value) in tiles {
        let _ = write!(page, "<div><b>{value}</b><span>{name}</span></div>");
    }
    page.push_str("</div>");
    for note in &qc.notes {
        let _ = write!(page, "<p class=\"note\">{}</p>", escaped(note));
    }
    page.push_str("<div class=\"charts\">");
    charts(&mut page, qc);
    page.push_str("</div>");
    tables(&mut page, qc);
    page + "<p class=\"note\">Genotypes can identify a person; these figures are about persons too.</p></main></body></html>\n"
}

fn figure(page: &mut String, title: &str, legend: &[&str], svg: &str) {
    let _ = write!(page, "<figure><figcaption>{}", escaped(title));
    for (class, word) in legend.iter().enumerate() {
        let _ = write!(page, "<i class=\"p{class}\"></i>{word}");
    }
    let _ = write!(page, "</figcaption>{svg}</figure>");
}

fn charts(page: &mut String, qc: &Qc) {
    let contigs = qc.contigs.iter().take(40).map(|contig| Bar {
        label: contig.contig.clone(),
        title: format!("{}: {} SNPs, {} indels, {} others", contig.contig, contig.snps, contig.indels, contig.others),
        parts: vec![contig.snps, contig.indels, contig.others],
    });
    let contigs: Vec<Bar> = contigs.collect();
    figure(page, "ALT alleles by contig", &["SNPs", "indels", "others"], &bars("ALT alleles by contig", "contig", &contigs));
    let changes: Vec<Bar> = qc
        .substitutions
        .iter()
        .map(|(change, count)| Bar {
            label: change.clone(),
            title: format!("{change}: {count}"),
            // Transitions in the first colour.
            parts: if is_transition(change) { vec![*count] } else { vec![0, *count] },
        })
        .collect();
    figure(page, "SNPs by change", &["transitions", "transversions"], &bars("SNPs by change", "change", &changes));
    histogram(page, "Rows by quality", "QUAL", &qc.quality);
    if qc.samples.is_empty() {
        return;
    }
    histogram(page, "Stored calls by depth", "DP", &qc.depth);
    histogram(page, "ALT alleles by frequency", "frequency among called alleles", &qc.frequency);
    histogram(page, "Rows by share of missing calls", "share of samples", &qc.missing);
    of_samples(page, "Missing calls", "sample", qc, |sample| sample.missing_rate, |_| 0);
    of_samples(page, "Heterozygous by homozygous", "sample", qc, |sample| sample.het_hom, |_| 0);
    of_samples(page, "Mean depth", "sample", qc, |sample| sample.mean_depth, |_| 0);
    if qc.samples.iter().any(|sample| sample.x.copies != Copies::Unknown) {
        let share = |sample: &Sample| ratio(sample.x.het, sample.x.het + sample.x.hom_alt);
        of_samples(page, "Heterozygous share of SNPs on X", "sample", qc, share, |sample| match sample.x.copies {
            Copies::One => 1,
            Copies::Two => 0,
            Copies::Unclear | Copies::Unknown => 2,
        });
    }
}

fn histogram(page: &mut String, title: &str, axis: &str, histogram: &Histogram) {
    if histogram.counts.iter().sum::<u64>() == 0 {
        return;
    }
    let last = histogram.counts.len() - 1;
    let bin = |(at, count): (usize, &u64)| {
        let from = histogram.from + histogram.width * at as f64;
        let to = from + histogram.width;
        let open = at == last && histogram.width >= 1.0;
        let title = if open {
            format!("{} and more: {count}", short(from))
        } else {
            format!("{} to {}: {count}", short(from), short(to))
        };
        Bar { label: short(from), title, parts: vec![*count] }
    };
    let mut title = title.to_owned();
    if histogram.none > 0 {
        let _ = write!(title, " ({} without)", grouped(histogram.none));
    }
    let bars_of: Vec<Bar> = histogram.counts.iter().enumerate().map(bin).collect();
    figure(page, &title, &[], &bars(&title, axis, &bars_of));
}

fn of_samples(
    page: &mut String,
    title: &str,
    axis: &str,
    qc: &Qc,
    value: impl Fn(&Sample) -> Option<f64>,
    class: impl Fn(&Sample) -> usize,
) {
    let dot = |sample: &Sample| {
        let value = value(sample)?;
        Some(Dot { value, title: format!("{}: {}", sample.sample_id, short(value)), class: class(sample) })
    };
    let shown: Vec<Dot> = qc.samples.iter().filter_map(dot).collect();
    if !shown.is_empty() {
        figure(page, title, &[], &dots(title, axis, &shown));
    }
}

fn tables(page: &mut String, qc: &Qc) {
    let kinds = qc.kinds.iter().map(|(kind, count)| {
        let once = qc.singletons.as_ref().map_or("-".into(), |kinds| grouped(kinds.get(kind).copied().unwrap_or(0)));
        vec![kind.clone(), grouped(*count), once]
    });
    table(page, "Kinds of alleles", &["kind", "alleles", "called once"], kinds);
    let contigs = qc.contigs.iter().map(|contig| {
        let counts = [contig.alleles, contig.snps, contig.indels, contig.others].map(grouped);
        [contig.contig.clone()].into_iter().chain(counts).collect()
    });
    table(page, "Contigs", &["contig", "alleles", "SNPs", "indels", "others"], contigs);
    if qc.samples.is_empty() {
        return;
    }
    let head = [
        "sample",
        "hom ref",
        "het",
        "hom alt",
        "haploid ref",
        "haploid alt",
        "missing",
        "missing share",
        "het/hom",
        "ts/tv",
        "indels",
        "singletons",
        "mean depth",
        "copies of X",
    ];
    let samples = qc.samples.iter().map(|sample| {
        let c = &sample.counts;
        let mut row = vec![sample.sample_id.clone()];
        row.extend([c.hom_ref, c.het, c.hom_alt, c.haploid_ref, c.haploid_alt, c.missing].map(grouped));
        row.extend([sample.missing_rate, sample.het_hom, sample.ts_tv].map(decimal));
        row.extend([c.indels, c.singletons].map(grouped));
        row.extend([decimal(sample.mean_depth), sample.x.copies.name().to_owned()]);
        row
    });
    table(page, "Samples", &head, samples);
}

fn table(page: &mut String, title: &str, head: &[&str], rows: impl Iterator<Item = Vec<String>>) {
    let cells = |tag: &str, cells: &mut dyn Iterator<Item = String>| {
        cells.fold(String::new(), |line, cell| format!("{line}<{tag}>{}</{tag}>", escaped(&cell)))
    };
    let _ = write!(page, "<section><h2>{title}</h2><div class=\"scroll\"><table><thead><tr>");
    page.push_str(&cells("th", &mut head.iter().map(ToString::to_string)));
    page.push_str("</tr></thead><tbody>");
    for row in rows {
        let _ = write!(page, "<tr>{}</tr>", cells("td", &mut row.into_iter()));
    }
    page.push_str("</tbody></table></div></section>");
}

/// Digits in groups of three.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let (first, rest) = digits.split_at(digits.len() % 3);
    let groups = rest.as_bytes().chunks(3).map(|group| String::from_utf8_lossy(group).into_owned());
    Some(first.to_owned()).filter(|first| !first.is_empty()).into_iter().chain(groups).collect::<Vec<_>>().join("\u{2009}")
}

fn decimal(value: Option<f64>) -> String {
    value.map_or_else(|| "-".to_owned(), short)
}

fn short(value: impl Display + Into<f64>) -> String {
    let text = format!("{:.3}", value.into());
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}
