//! SQL text to a DataFusion expression over flat column names. Every mistake is told at once; no message quotes a literal.
//! It must not know plans.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::arrow::datatypes::{DataType, Schema};
use datafusion::common::DFSchema;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, ExprSchemable, Volatility};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::sql::sqlparser::ast::{self, AccessExpr, Expr as Sql, Ident, visit_expressions, visit_expressions_mut};

use super::did_you_mean;
use super::state::state;

/// Parses an expression against a batch's schema. `info.AF` and `calls.GT` are flat column names, case kept; a name that is
/// no plain word stands in double quotes (`"info.1000G"`). Functions are those of DataFusion whose result depends on the
/// row alone: no aggregates, no windows, no subqueries, nothing volatile.
///
/// # Errors
/// Every mistake, one line each, with the nearest known name.
pub fn parse(sql: &str, schema: &Schema) -> Result<Expr, Vec<String>> {
    let state = state();
    let mut parsed = state
        .sql_to_expr_with_alias(sql, &state.config().options().sql_parser.dialect)
        .map_err(|error| vec![syntax_mistake(&error.strip_backtrace(), sql)])?;
    if parsed.alias.is_some() {
        return Err(vec!["AS is not possible here; derive names its columns".into()]);
    }
    let _ = visit_expressions_mut(&mut parsed.expr, |expr| {
        flatten(expr);
        ControlFlow::<()>::Continue(())
    });
    let mistakes = unknown_names(&parsed.expr, schema);
    if !mistakes.is_empty() {
        return Err(mistakes);
    }
    let literals = literals(&parsed.expr);
    let failed = |error: datafusion::error::DataFusionError| vec![planning_mistake(&error.strip_backtrace(), &literals)];
    let schema = DFSchema::try_from(schema.clone()).map_err(failed)?;
    let expr = state.create_logical_expr_from_sql_expr(parsed, &schema).map_err(failed)?;
    expr.get_type(&schema).map_err(failed)?;
    let coerced = ExprSimplifier::new(SimplifyContext::default()).coerce(expr.clone(), &schema).map_err(failed)?;
    let mistakes = misfits(&expr, &coerced, &schema);
    if mistakes.is_empty() { Ok(expr) } else { Err(mistakes) }
}

/// Texts that stand where the types around them ask for something else: a literal that is none, a column that need not hold one. Told
/// here, they end a run before it begins.
fn misfits(written: &Expr, coerced: &Expr, schema: &DFSchema) -> Vec<String> {
    let casts = |expr: &Expr| {
        let mut found = Vec::new();
        let _ = expr.apply(|node| {
            if let Expr::Cast(cast) = node {
                found.push(cast.clone());
            }
            Ok(TreeNodeRecursion::Continue)
        });
        found
    };
    let own = casts(written);
    let mut mistakes = Vec::new();
    for cast in casts(coerced) {
        let wanted = cast.field.data_type();
        let mistake = match cast.expr.as_ref() {
            Expr::Literal(value, _) => {
                value.cast_to(wanted).is_err().then(|| format!("a text that is no {} stands where one is needed", named(wanted)))
            }
            _ if own.contains(&cast) => None,
            other => {
                let is_text = other.get_type(schema).is_ok_and(|kind| kind.is_string());
                (is_text && (wanted.is_numeric() || wanted.is_temporal() || *wanted == DataType::Boolean)).then(|| {
                    format!(
                        "{other} is text where a {} is needed: compare it with a text in quotes, or TRY_CAST({other} AS …)",
                        named(wanted)
                    )
                })
            }
        };
        mistakes.extend(mistake.filter(|mistake| !mistakes.contains(mistake)));
    }
    mistakes
}

fn named(kind: &DataType) -> &'static str {
    match kind {
        DataType::Boolean => "truth value",
        kind if kind.is_numeric() => "number",
        kind if kind.is_temporal() => "time",
        _ => "value of that type",
    }
}

/// Like [`parse`], and the result must be true or false.
pub fn parse_filter(sql: &str, schema: &Schema) -> Result<Expr, Vec<String>> {
    let expr = parse(sql, schema)?;
    let typed = DFSchema::try_from(schema.clone()).and_then(|schema| expr.get_type(&schema));
    match typed {
        Ok(DataType::Boolean) => Ok(expr),
        Ok(other) => Err(vec![format!("a filter must be true or false, this expression is {other}")]),
        Err(_) => Err(vec!["the expression's type is not known".into()]),
    }
}

/// Joins `info.AF` to one quoted identifier; also at the root of `info.AF[1]`.
fn flatten(expr: &mut Sql) {
    match expr {
        Sql::CompoundIdentifier(parts) => *expr = Sql::Identifier(joined(parts)),
        Sql::CompoundFieldAccess { root, access_chain } => {
            let Sql::Identifier(first) = root.as_ref() else { return };
            let dots = access_chain.iter().map_while(|access| match access {
                AccessExpr::Dot(Sql::Identifier(part)) => Some(part.clone()),
                _ => None,
            });
            let parts: Vec<Ident> = std::iter::once(first.clone()).chain(dots).collect();
            access_chain.drain(..parts.len() - 1);
            **root = Sql::Identifier(joined(&parts));
        }
        _ => {}
    }
}

fn joined(parts: &[Ident]) -> Ident {
    let names: Vec<&str> = parts.iter().map(|part| part.value.as_str()).collect();
    Ident::with_quote('"', names.join("."))
}

fn unknown_names(expr: &Sql, schema: &Schema) -> Vec<String> {
    let mut parameters = BTreeSet::new();
    let _ = visit_expressions(expr, |expr| {
        if let Sql::Lambda(lambda) = expr {
            parameters.extend(lambda.params.iter().map(|param| param.name.value.clone()));
        }
        ControlFlow::<()>::Continue(())
    });
    let is_column = |name: &str| !name.starts_with("__") && schema.field_with_name(name).is_ok();
    let mut mistakes = Vec::new();
    let mut tell = |mistake: String| {
        if !mistakes.contains(&mistake) {
            mistakes.push(mistake);
        }
    };
    let _ = visit_expressions(expr, |expr| {
        match expr {
            Sql::Identifier(ident) if !parameters.contains(&ident.value) && !is_column(&ident.value) => {
                let known = schema.fields().iter().map(|field| field.name().as_str()).filter(|name| !name.starts_with("__"));
                tell(format!("unknown column {}{}", ident.value, did_you_mean(&ident.value, known)));
            }
            Sql::Function(function) => function_mistake(function).into_iter().for_each(&mut tell),
            Sql::Subquery(_) | Sql::InSubquery { .. } | Sql::Exists { .. } => tell("subqueries are not possible here".into()),
            _ => {}
        }
        ControlFlow::<()>::Continue(())
    });
    mistakes
}

fn function_mistake(function: &ast::Function) -> Option<String> {
    let state = state();
    let name = function.name.to_string();
    let lower = name.to_lowercase();
    if function.over.is_some()
        || state.aggregate_functions().contains_key(&lower) && !state.scalar_functions().contains_key(&lower)
    {
        return Some(format!("{name} looks at more than one row; an expression sees one row at a time"));
    }
    match state.scalar_functions().get(&lower) {
        Some(udf) if udf.signature().volatility == Volatility::Volatile => {
            Some(format!("{name} gives another result every time; a load must be repeatable"))
        }
        Some(_) => None,
        None if state.higher_order_functions().contains_key(&lower) => None,
        None => {
            Some(format!("unknown function {name}{}", did_you_mean(&name, state.scalar_functions().keys().map(String::as_str))))
        }
    }
}

fn literals(expr: &Sql) -> Vec<String> {
    let mut found = Vec::new();
    let _ = visit_expressions(expr, |expr| {
        if let Sql::Value(value) = expr {
            let text = value.value.clone().into_string();
            found.extend(text.filter(|text| !text.is_empty()));
        }
        ControlFlow::<()>::Continue(())
    });
    found.sort_by_key(|text| std::cmp::Reverse(text.len()));
    found
}

fn syntax_mistake(message: &str, sql: &str) -> String {
    let place = message.rfind(" at Line: ").map(|at| message[at..].trim_end_matches(['"', ')']).to_lowercase());
    match place {
        Some(place) => format!("not an expression: unexpected text{place}"),
        None if sql.trim().is_empty() => "not an expression: it is empty".into(),
        None => "not an expression: it ends too early or holds a character that has no meaning".into(),
    }
}

/// DataFusion's first line without the literals the expression itself holds.
fn planning_mistake(message: &str, literals: &[String]) -> String {
    let first = message.lines().next().unwrap_or_default().trim_start_matches("Error during planning: ");
    let first = first.split(" Candidate functions").next().unwrap_or_default();
    let told = literals.iter().fold(first.to_owned(), |told, literal| told.replace(literal.as_str(), "…"));
    format!("cannot be evaluated: {told}")
}
