//! The sensitivity proof: labels computed by us on the final logical plan, and the profile held against them.
//! DataFusion's field metadata is not asked: most expressions drop it. It must not know any stage by name.

use datafusion::logical_expr::{Expr, LogicalPlan};

use crate::flow::exec::{SinkNode, StageNode};
use crate::flow::{Labels, Sink, column};
use crate::sensitive::Label;
use crate::spec::Profile;
use crate::stage::expr;

/// What was proven, or why it cannot be.
#[derive(Clone, Debug)]
pub struct Proof {
    pub profile: Profile,
    /// Labels of the columns, header lines and sample names that reach the sink.
    pub labels: Labels,
    /// Kinds of the steps between source and sink, in order.
    pub path: Vec<String>,
    /// Flows that the profile forbids.
    pub violations: Vec<Violation>,
}

/// One forbidden flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Columns, or `header lines`, or `sample names`.
    pub what: Vec<String>,
    pub label: Label,
    pub message: String,
    pub hint: String,
}

/// Labels of a plan's output. Nodes that are not known to keep labels lose them: everything becomes an identifier.
pub fn labels_of(plan: &LogicalPlan, source: &Labels) -> Labels {
    match plan {
        LogicalPlan::TableScan(scan) => {
            let mut labels = source.without_columns();
            scan.projected_schema.fields().iter().for_each(|field| labels.set(field.name(), source.of(field.name())));
            labels
        }
        LogicalPlan::Filter(filter) => labels_of(&filter.input, source),
        LogicalPlan::SubqueryAlias(alias) => labels_of(&alias.input, source),
        LogicalPlan::Projection(projection) => {
            let input = labels_of(&projection.input, source);
            let mut labels = input.without_columns();
            for (expression, field) in projection.expr.iter().zip(projection.schema.fields()) {
                labels.set(field.name(), expression_label(expression, &input));
            }
            labels
        }
        LogicalPlan::Extension(extension) => {
            if let Some(node) = extension.node.as_any().downcast_ref::<StageNode>() {
                let inputs = extension.node.inputs();
                return match inputs.first() {
                    Some(input) => node.stage.labels(&labels_of(input, source), input.schema().as_arrow()),
                    None => Labels::default(),
                };
            }
            match (extension.node.as_any().is::<SinkNode>(), extension.node.inputs().first()) {
                (true, Some(input)) => labels_of(input, source),
                _ => Labels::default(),
            }
        }
        _ => Labels::default(),
    }
}

fn expression_label(expression: &Expr, input: &Labels) -> Label {
    expr::labels_of(expression, input)
}

/// Holds `profile` against everything that reaches the sink of `plan`.
pub fn prove(profile: Profile, plan: &LogicalPlan, source: &Labels, sink: &dyn Sink) -> Proof {
    let labels = labels_of(plan, source);
    let mut path = Vec::new();
    steps(plan, &mut path);
    path.reverse();
    let mut violations = Vec::new();
    if profile == Profile::Hipaa {
        let through = match path.is_empty() {
            true => "through no stage".to_owned(),
            false => format!("through {}", path.join(", ")),
        };
        for label in [Label::Identifier, Label::Phi] {
            let arriving: Vec<String> = match plan.inputs().first() {
                Some(input) => {
                    input.schema().fields().iter().map(|f| f.name().clone()).filter(|name| labels.of(name) == label).collect()
                }
                None => Vec::new(),
            };
            let (sites, columns): (Vec<String>, Vec<String>) =
                arriving.into_iter().partition(|name| column::SITE.contains(&name.as_str()));
            if !sites.is_empty() {
                let hint = "add the stage `detect: { scan: full }` with `abort`, `quarantine` or `redact` for critical findings: it holds \
                     them to the grammar of contigs and alleles";
                violations.push(violation(sites, label, "column", &through, sink, hint));
            }
            if !columns.is_empty() {
                let hint = "declassify them with `sanitize` (allow-list with a checked vocabulary), `encrypt` them, or leave them out with `select`";
                violations.push(violation(columns, label, "column", &through, sink, hint));
            }
        }
        if labels.headers > Label::Clinical {
            let hint = "add the stage `sanitize`, which keeps allow-listed header lines only";
            violations.push(violation(vec!["header lines".into()], labels.headers, "", &through, sink, hint));
        }
        if labels.samples > Label::Clinical {
            let hint = "add the stage `anonymize: { samples: vault }`";
            violations.push(violation(vec!["sample names".into()], labels.samples, "", &through, sink, hint));
        }
    }
    Proof { profile, labels, path, violations }
}

fn violation(what: Vec<String>, label: Label, noun: &str, through: &str, sink: &dyn Sink, hint: &str) -> Violation {
    let shown: Vec<&str> = what.iter().take(12).map(String::as_str).collect();
    let more = what.len().saturating_sub(shown.len());
    let list = match more {
        0 => shown.join(", "),
        _ => format!("{} and {more} more", shown.join(", ")),
    };
    let noun = match (noun, what.len()) {
        ("", _) => String::new(),
        (noun, 1) => format!("{noun} "),
        (noun, _) => format!("{noun}s "),
    };
    let message = format!("profile hipaa: {noun}{list}: {label} reaching the sink {} {through}", sink.kind());
    Violation { what, label, message, hint: hint.to_owned() }
}

/// Kinds of the steps, from the sink upwards.
fn steps(plan: &LogicalPlan, out: &mut Vec<String>) {
    match plan {
        LogicalPlan::Filter(_) => out.push("filter".into()),
        LogicalPlan::Extension(extension) => {
            if let Some(node) = extension.node.as_any().downcast_ref::<StageNode>() {
                out.push(node.stage.kind().into());
            }
        }
        _ => {}
    }
    plan.inputs().iter().for_each(|input| steps(input, out));
}
