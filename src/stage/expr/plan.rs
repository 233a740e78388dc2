//! `filter`, `derive` and `select` on a logical plan. It must not know stages or sinks.

use std::collections::BTreeMap;

use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, col};
use datafusion::prelude::Column;

use super::{did_you_mean, parse, parse_filter};
use crate::error::{Error, Result};
use crate::flow::column;

/// Keeps the rows for which `sql` is true; a null is not true.
///
/// # Errors
/// The expression's mistakes, joined, with class `usage`.
pub fn filter(plan: LogicalPlan, sql: &str) -> Result<LogicalPlan> {
    let expr = parse_filter(sql, plan.schema().as_arrow()).map_err(told)?;
    built(LogicalPlanBuilder::from(plan).filter(expr))
}

/// Adds one column an entry: name to expression over the columns that come in. A name that exists is replaced in place.
///
/// # Errors
/// Every mistake of every expression, and internal names (`__…`), with class `usage`.
pub fn derive(plan: LogicalPlan, columns: &BTreeMap<String, String>) -> Result<LogicalPlan> {
    let schema = plan.schema().as_arrow();
    let mut mistakes = Vec::new();
    let mut exprs = BTreeMap::new();
    for (name, sql) in columns {
        if name.is_empty() || name.starts_with("__") || name == column::CALLS_SAMPLE {
            mistakes.push(format!("{name} cannot be derived: the name is kept for genogate's own use"));
            continue;
        }
        match parse(sql, schema) {
            Ok(expr) => drop(exprs.insert(name.as_str(), expr.alias(name))),
            Err(found) => mistakes.extend(found.into_iter().map(|mistake| format!("{name}: {mistake}"))),
        }
    }
    if !mistakes.is_empty() {
        return Err(told(mistakes));
    }
    let kept = schema.fields().iter().map(|field| exprs.remove(field.name().as_str()).unwrap_or_else(|| named(field.name())));
    let mut projection: Vec<Expr> = kept.collect();
    projection.extend(exprs.into_values());
    built(LogicalPlanBuilder::from(plan).project(projection))
}

/// Keeps the listed columns in the listed order; `info.*` and `calls.*` stand for all of their kind. Internal columns always
/// stay, and `calls.__sample` stays with any call column.
///
/// # Errors
/// Every unknown column, with class `usage`.
pub fn select(plan: LogicalPlan, columns: &[String]) -> Result<LogicalPlan> {
    let schema = plan.schema().as_arrow();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let mut mistakes = Vec::new();
    let mut kept: Vec<&str> = Vec::new();
    for wanted in columns {
        let found: Vec<&str> = match wanted.strip_suffix('*') {
            Some(prefix) if prefix.ends_with('.') => names.iter().copied().filter(|name| name.starts_with(prefix)).collect(),
            _ => names.iter().copied().filter(|name| name == wanted && !name.starts_with("__")).collect(),
        };
        if found.is_empty() && !wanted.ends_with(".*") {
            let known = names.iter().copied().filter(|name| !name.starts_with("__"));
            mistakes.push(format!("unknown column {wanted}{}", did_you_mean(wanted, known)));
        }
        kept.extend(found);
    }
    if !mistakes.is_empty() {
        return Err(told(mistakes));
    }
    let calls = kept.iter().any(|name| name.starts_with(column::CALLS));
    kept.extend(names.iter().filter(|name| name.starts_with("__") || calls && **name == column::CALLS_SAMPLE));
    let mut seen = std::collections::HashSet::new();
    kept.retain(|name| seen.insert(*name));
    let projection: Vec<Expr> = kept.into_iter().map(named).collect();
    built(LogicalPlanBuilder::from(plan).project(projection))
}

fn named(name: &str) -> Expr {
    col(Column::from_name(name))
}

fn told(mistakes: Vec<String>) -> Error {
    Error::usage(mistakes.join("\n"))
}

fn built(builder: datafusion::error::Result<LogicalPlanBuilder>) -> Result<LogicalPlan> {
    Ok(builder?.build()?)
}
