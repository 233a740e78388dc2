//! The main job, shown on a generated cohort with planted identifiers: what came in, what was found and removed, what is
//! stored, and whether any identifier is left. It must not know how it is printed, and never shows an identifier.

mod leftovers;

use std::path::Path;

use serde_json::{Map, Value, json};

use crate::audit::{self, Sealed, Selection};
use crate::db::Databases;
use crate::db::local::Cluster;
use crate::error::{Error, Result};
use crate::plan::PlanOptions;
use crate::run::{Run, RunOptions};
use crate::spec::Spec;
use crate::store::SampleId;
use crate::synth::{self, Kind, Options, Planted};
use crate::warehouse::query;

const PIPELINE: &str = include_str!("../../pipelines/demo.yaml");
const HEADER_POLICY: &str = include_str!("../../pipelines/header-policy.yaml");
const TEXT_FIELDS: &str = include_str!("../../pipelines/text-fields.yaml");

/// The cohort: small enough for seconds, large enough for several kinds of variants.
const COHORT: Options = Options { kind: Kind::Cohort, records: 1200, samples: 10, seed: 2026, phi: true };

const QUERY: &str = "SELECT v.chrom, v.pos, v.ref, v.alt, v.info->>'AF' AS af, count(c.variant_id) AS carriers \
                     FROM genogate.variants v LEFT JOIN genogate.calls c USING (load_id, variant_id) \
                     WHERE length(v.ref) < 12 AND length(v.alt) < 12 \
                     GROUP BY 1, 2, 3, 4, 5, v.variant_id ORDER BY v.variant_id LIMIT 5";

const SAMPLE: &str = "SELECT s.sample_id, count(c.variant_id) AS calls FROM genogate.samples s \
                      LEFT JOIN genogate.calls c ON c.load_id = s.load_id AND c.sample_index = s.sample_index \
                      WHERE s.sample_index = 0 GROUP BY 1";

/// One part of the show.
#[derive(Clone, Debug)]
pub struct Section {
    pub title: &'static str,
    pub lines: Vec<String>,
}

/// Runs the demo with everything it makes in `folder`: data home, cohort, pipeline. Calls `show` as each part is ready and
/// returns the JSON object.
pub async fn demo(folder: &Path, show: &mut dyn FnMut(Section)) -> Result<Value> {
    let mut tell = |title, lines| show(Section { title, lines });
    let home = folder.join("home");
    let pipeline = write_inputs(folder)?;
    let planted = synth::planted(&COHORT);
    let file = folder.join("demo/cohort.vcf.gz");
    let bytes = std::fs::metadata(&file).map_err(|error| io("the cohort", &error))?.len();
    tell("1. What comes in", came_in(bytes, &planted));

    let cluster = Cluster::open(&home);
    let started = cluster.start().await?;
    let mut lines = vec![format!(
        "PostgreSQL {} in a data folder of its own, port {}, TLS and SCRAM only, {} migrations",
        started.status.version.unwrap_or_default(),
        started.status.port.unwrap_or_default(),
        started.migrations.len()
    )];
    let spec = Spec::read(&pipeline, &[])?;
    let run = Run::prepare(&spec, PlanOptions::default(), &home).await?;
    let plan = run.plan();
    let before = sample_name_mask(&plan.document.inputs)?;
    lines.push(format!("source -> {} -> postgres", plan.proof.path.join(" -> ")));
    lines.push(format!(
        "profile {} proven: every column at the sink is clinical or public; header lines {}, sample names {}",
        plan.pipeline.profile.name(),
        plan.labels().headers,
        plan.labels().samples
    ));
    tell("2. Database and plan", lines);

    let outcome = run.execute(RunOptions::default()).await;
    let (databases, trail) = (run.databases(), run.trail());
    let (grant, run_id, recorder) = (trail.grant(), trail.run_id(), trail.recorder());
    let report = outcome?;
    let figures = report.outcome.figures;

    let events = events(databases, run_id).await?;
    tell("3. What was detected (where and how often, never what)", detected(&events));
    tell("4. What was removed or replaced", removed(&events));
    tell(
        "5. What is loaded",
        vec![format!(
            "{} records in: {} variants and {} calls loaded, {} filtered, {} quarantined; {:.1} s",
            figures.input_records, figures.variants, figures.calls, figures.filtered, figures.quarantined, report.seconds
        )],
    );
    let ask = async |question: query::Question<'_>| -> Result<String> {
        let (client, mut out) = (databases.connect("local").await?, Vec::new());
        query::query(client, grant, &recorder, &question, Box::new(&mut out)).await?;
        Ok(String::from_utf8_lossy(&out).into_owned())
    };
    let table = ask(query::Question { sql: QUERY, limit: Some(5), format: query::Format::Table { width: None } }).await?;
    tell("6. A query on the result", table.lines().map(str::to_owned).collect());
    let sample = ask(query::Question { sql: SAMPLE, limit: Some(1), format: query::Format::JsonLines }).await?;
    let sample: Map<String, Value> = serde_json::from_str(&sample).unwrap_or_default();
    let cell = |n: usize| sample.values().nth(n).map(plain).unwrap_or_default();
    let after = format!("in the database:  {} with {} calls; the name is in the vault only, encrypted", cell(0), cell(1));
    tell("7. The same sample, before and after", vec![format!("in the file:      {before}"), after]);
    let databases = databases.clone();
    run.close().await.1?;

    let verdict = audit::verify(&mut *databases.connect("local").await?).await?;
    tell("8. The audit trail", trail_lines(&events, &verdict));
    // What is still in memory must be in the files before they are searched.
    let administrator = databases.administrator("local").await?;
    administrator.batch_execute("CHECKPOINT").await.map_err(|error| crate::db::failure("the checkpoint", error))?;
    administrator.close().await;
    let (searched, found) = leftovers::search(&home, &planted)?;
    tell(
        "9. Is any planted identifier left?",
        vec![format!(
            "{} identifiers searched in {searched} files of database, write-ahead log, spool and logs: {found} found",
            planted.len()
        )],
    );
    verdict.require()?;
    if found > 0 {
        return Err(Error::phi(format!("{found} planted identifiers are left in the database's files")));
    }
    let mut object: Map<String, Value> = report.to_json()?.as_object().cloned().unwrap_or_default();
    object.insert("planted".into(), json!(planted.len()));
    object.insert("planted_found".into(), json!(found));
    object.insert("audit".into(), json!({"events": verdict.events, "verified": verdict.verified}));
    Ok(Value::Object(object))
}

fn io(what: &str, error: &std::io::Error) -> Error {
    Error::failed(format!("{what}: {}", error.kind()))
}

fn write_inputs(folder: &Path) -> Result<std::path::PathBuf> {
    let write = || -> std::io::Result<_> {
        std::fs::create_dir_all(folder.join("demo"))?;
        std::fs::write(folder.join("header-policy.yaml"), HEADER_POLICY)?;
        std::fs::write(folder.join("text-fields.yaml"), TEXT_FIELDS)?;
        std::fs::write(folder.join("demo.yaml"), PIPELINE)?;
        std::fs::File::create(folder.join("demo/cohort.vcf.gz"))
    };
    let file = write().map_err(|error| io("the demo's folder", &error))?;
    let mut bgzf = crate::bgzf::Writer::new(file);
    synth::write(&COHORT, &mut bgzf)?;
    bgzf.finish().map_err(|error| io("the cohort", &error))?;
    Ok(folder.join("demo.yaml"))
}

/// The first character and as many dots as the rest is long: enough to see that it is a name.
fn mask(text: &str) -> String {
    let length = text.chars().count();
    format!("{}{} ({length} characters)", text.chars().take(1).collect::<String>(), "•".repeat(length.saturating_sub(1)))
}

fn came_in(bytes: u64, planted: &[Planted]) -> Vec<String> {
    let mut lines = vec![format!("a VCF file of {} KB: {} records, {} samples", bytes / 1000, COHORT.records, COHORT.samples)];
    for (place, words) in [
        (synth::Place::Sample, "sample names"),
        (synth::Place::Header, "header lines"),
        (synth::Place::Id, "the ID column"),
        (synth::Place::Info, "INFO text"),
        (synth::Place::Format, "FORMAT text"),
    ] {
        let here: Vec<&Planted> = planted.iter().filter(|p| p.place == place).collect();
        if let Some(first) = here.first() {
            lines.push(format!("{:>3} planted in {words}, such as {}", here.len(), mask(&first.value)));
        }
    }
    lines
}

fn sample_name_mask(inputs: &[crate::store::InputDocument]) -> Result<String> {
    match inputs.first().and_then(|input| input.samples.first()) {
        Some(SampleId::Name(name)) => Ok(mask(name.expose())),
        _ => Err(Error::internal("the cohort has no samples")),
    }
}

async fn events(databases: &Databases, run_id: uuid::Uuid) -> Result<Vec<Sealed>> {
    use futures::TryStreamExt;
    let client = databases.connect("local").await?;
    let selection = Selection { run_id: Some(run_id), ..Selection::default() };
    let batches: Vec<_> = audit::stream(&client, selection).try_collect().await?;
    let mut events = Vec::new();
    for batch in &batches {
        events.extend(audit::from_batch(batch)?);
    }
    Ok(events)
}

fn detail(event: &Sealed) -> Value {
    serde_json::from_str(&event.entry.detail).unwrap_or(Value::Null)
}

fn word(detail: &Value, name: &str) -> String {
    detail.get(name).map(plain).unwrap_or_default()
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn of_kind<'a>(events: &'a [Sealed], kind: &'a str) -> impl Iterator<Item = Value> + 'a {
    events.iter().filter(move |event| event.entry.event == kind).map(detail)
}

fn detected(events: &[Sealed]) -> Vec<String> {
    let line = |d: Value| {
        let (severity, pattern, place) = (word(&d, "severity"), word(&d, "pattern"), word(&d, "place"));
        format!("{severity:<9} {pattern:<21} {:>5} x in {place}, {}", word(&d, "count"), word(&d, "action"))
    };
    of_kind(events, "phi_detected").map(line).collect()
}

fn removed(events: &[Sealed]) -> Vec<String> {
    let mut lines = Vec::new();
    let headers: Vec<String> =
        of_kind(events, "header_lines_dropped").map(|d| format!("{} {}", word(&d, "count"), word(&d, "key"))).collect();
    if !headers.is_empty() {
        lines.push(format!("header lines dropped: {}", headers.join(", ")));
    }
    let columns: Vec<String> = of_kind(events, "column_dropped").map(|d| word(&d, "column")).collect();
    if !columns.is_empty() {
        lines.push(format!("free-text columns dropped: {}", columns.join(", ")));
    }
    for d in of_kind(events, "values_dropped") {
        lines.push(format!("{} values of {} outside their vocabulary dropped", word(&d, "count"), word(&d, "column")));
    }
    for d in of_kind(events, "samples_pseudonymized") {
        lines.push(format!("{} sample names replaced by random pseudonyms", word(&d, "samples")));
    }
    lines
}

fn trail_lines(events: &[Sealed], verdict: &audit::Verdict) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for event in events {
        lines.push(format!("{:>4}  {:<9} {}", event.seq, event.entry.outcome, event.entry.event));
    }
    if lines.len() > 12 {
        let hidden = lines.len() - 10;
        lines.splice(5..lines.len() - 5, [format!("      … {hidden} more")]);
    }
    lines.push(match verdict.verified {
        true => format!("{} events, every hash recomputed: verified", verdict.events),
        false => format!("broken at event {}", verdict.first_bad.unwrap_or_default()),
    });
    lines
}
