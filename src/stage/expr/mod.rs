//! Expressions of a pipeline file as DataFusion expressions: `filter`, `derive` and `select`. It must not know the YAML they
//! stand in, and it never looks at a row.

mod config;
mod literals;
mod parse;
mod plan;
mod state;
mod step;

use crate::flow::Labels;
use crate::sensitive::Label;
use crate::text::nearest;
use datafusion::logical_expr::Expr;

pub use config::{Derive, Filter, Select};
pub use parse::{parse, parse_filter};
pub use plan::{derive, filter, select};

/// The label of an expression's result: the maximum over the columns it reads; public when it reads none.
pub fn labels_of(expr: &Expr, labels: &Labels) -> Label {
    expr.column_refs().into_iter().map(|column| labels.of(&column.name)).max().unwrap_or(Label::Public)
}

/// `; did you mean NAME?` for the candidate nearest to `name`, or nothing when none is near. The bare key of a field means the field:
/// `AF` is `info.AF`.
pub(crate) fn did_you_mean<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> String {
    let candidates: Vec<&str> = candidates.into_iter().collect();
    let is_key = |known: &&&str| known.split_once('.').is_some_and(|(_, key)| key.eq_ignore_ascii_case(name));
    let key = candidates.iter().find(is_key).copied();
    key.or_else(|| nearest(name, candidates)).map_or_else(String::new, |near| format!("; did you mean {near}?"))
}

#[cfg(test)]
mod tests;
