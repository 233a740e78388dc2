//! `filter`, `derive` and `select` as steps of a flow. It must not know how expressions are parsed.

use std::sync::Arc;

use datafusion::logical_expr::LogicalPlan;
use serde_json::json;

use super::config::{Derive, Filter, Select};
use super::literals::literals;
use super::plan::{derive, filter, select};
use crate::error::Result;
use crate::flow::{Around, Expression, Specification, StageConfig, Step};

impl StageConfig for Filter {
    fn build(&self, _: &Around<'_>) -> Result<Step> {
        Ok(Step::Expression(Arc::new(self.clone())))
    }
}

impl Expression for Filter {
    fn typed(&self) -> Vec<String> {
        literals(&self.0)
    }

    fn specification(&self) -> Result<Specification> {
        Specification::new("filter", &json!({ "expression": self }))
    }

    fn extend(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        filter(plan, &self.0)
    }
}

impl StageConfig for Derive {
    fn build(&self, _: &Around<'_>) -> Result<Step> {
        Ok(Step::Expression(Arc::new(self.clone())))
    }
}

impl Expression for Derive {
    fn typed(&self) -> Vec<String> {
        self.0.iter().flat_map(|(name, sql)| [name.clone()].into_iter().chain(literals(sql))).collect()
    }

    fn specification(&self) -> Result<Specification> {
        Specification::new("derive", &json!({ "columns": self }))
    }

    fn extend(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        derive(plan, &self.0)
    }
}

impl StageConfig for Select {
    fn build(&self, _: &Around<'_>) -> Result<Step> {
        Ok(Step::Expression(Arc::new(self.clone())))
    }
}

impl Expression for Select {
    /// Names of columns that are there.
    fn typed(&self) -> Vec<String> {
        Vec::new()
    }

    fn specification(&self) -> Result<Specification> {
        Specification::new("select", &json!({ "columns": self }))
    }

    fn extend(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        select(plan, &self.0)
    }
}
