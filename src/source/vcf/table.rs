//! The scan as DataFusion sees it: a table whose projection and simple filters reach the decoder. It must not decode.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::datatypes::SchemaRef;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::Result as DfResult;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchReceiverStreamBuilder;
use datafusion::physical_plan::{DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PhysicalExpr, PlanProperties};

use super::annotation::Reading;
use super::decode::Recipe;
use super::filter::Predicate;
use super::input::Input;
use super::scan::{self, PartitionWork};
use super::schema::Layout;
use super::shared::Shared;
use super::split::Deals;
use crate::error::Error;
use crate::flow::exec::context_of;

/// Batches waiting between the decoder's thread and the plan: enough that neither waits for the other's hiccups.
const WAITING: usize = 2;

/// The inputs of a load as a table.
#[derive(Debug)]
pub(crate) struct VcfTable {
    shared: Arc<Shared>,
    layout: Layout,
}

impl VcfTable {
    #[cfg(test)]
    pub(crate) fn inputs(&self) -> &[Input] {
        &self.shared.inputs
    }

    pub(crate) fn new(shared: Shared, layout: Layout) -> Self {
        Self { shared: Arc::new(shared), layout }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// The schema of the columns that are asked for, how to decode them, and how to read annotations among them.
    pub(crate) fn read(
        &self,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
    ) -> DfResult<(SchemaRef, Recipe, Option<Arc<Reading>>)> {
        let (schema, slots): (SchemaRef, Vec<_>) = match projection {
            None => (self.layout.schema.clone(), self.layout.slots.clone()),
            Some(columns) => {
                let slots = columns.iter().filter_map(|i| self.layout.slots.get(*i).copied());
                (Arc::new(self.layout.schema.project(columns)?), slots.collect())
            }
        };
        let reading = Reading::of(&schema, &slots, &self.layout.annotations, &self.shared.fields);
        let (decoded, slots) = match &reading {
            None => (schema.clone(), slots.into()),
            Some(reading) => (reading.decoded.clone(), reading.slots.clone()),
        };
        let recipe = Recipe {
            fields: self.shared.fields.clone(),
            regions: self.shared.regions.clone(),
            predicate: Arc::new(Predicate::of(filters)),
            calls: self.shared.calls,
            catch_all: self.shared.catch_all,
            limits: self.shared.limits,
            schema: decoded,
            slots,
        };
        Ok((schema, recipe, reading))
    }
}

#[async_trait]
impl TableProvider for VcfTable {
    fn schema(&self) -> SchemaRef {
        self.layout.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> DfResult<Vec<TableProviderFilterPushDown>> {
        let support = |filter: &&Expr| {
            if Predicate::understands(filter) {
                TableProviderFilterPushDown::Inexact
            } else {
                TableProviderFilterPushDown::Unsupported
            }
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _limit: Option<usize>,
    ) -> DfResult<Arc<dyn ExecutionPlan>> {
        let (schema, recipe, reading) = self.read(projection, filters)?;
        let filters = filters.iter().filter(|filter| Predicate::understands(filter)).map(ToString::to_string).collect();
        Ok(Arc::new(VcfExec::new(self.shared.clone(), schema, recipe, reading, filters, state.config().target_partitions())))
    }
}

/// The scan in the physical plan: one partition a thread, each with its own units.
#[derive(Debug)]
pub(crate) struct VcfExec {
    shared: Arc<Shared>,
    schema: SchemaRef,
    /// What the decoder fills; `schema` when no annotation is read.
    recipe: Recipe,
    reading: Option<Arc<Reading>>,
    filters: Vec<String>,
    partitions: usize,
    deals: Arc<Deals>,
    properties: Arc<PlanProperties>,
}

impl VcfExec {
    fn new(
        shared: Arc<Shared>,
        schema: SchemaRef,
        recipe: Recipe,
        reading: Option<Arc<Reading>>,
        filters: Vec<String>,
        target: usize,
    ) -> Self {
        let most = shared.inputs.iter().map(Input::parallel).fold(0, u64::saturating_add);
        let partitions = target.min(usize::try_from(most).unwrap_or(target)).max(1);
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema.clone()),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        let deals = Arc::new(Deals::new(shared.inputs.len()));
        Self { shared, schema, recipe, reading, filters, partitions, deals, properties: Arc::new(properties) }
    }
}

impl DisplayAs for VcfExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        let mut formats: Vec<_> = self.shared.inputs.iter().map(Input::format).collect();
        formats.sort_unstable();
        formats.dedup();
        let names: Vec<_> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        write!(f, "VcfExec: inputs={}, format={}", self.shared.inputs.len(), formats.join("+"))?;
        write!(f, ", partitions={}", self.partitions)?;
        if !self.shared.inputs.iter().any(Input::is_stream) {
            let units = self.shared.inputs.iter().map(Input::units).sum::<u64>();
            write!(f, ", units={units}")?;
        }
        if !self.shared.regions.is_everything() {
            let mut kinds: Vec<_> = self.shared.inputs.iter().map(Input::index).collect();
            kinds.sort_unstable();
            kinds.dedup();
            write!(f, ", regions={}, index={}", self.shared.regions.count(), kinds.join("+"))?;
        }
        write!(
            f,
            ", calls={}, projection=[{}], filters=[{}]",
            self.shared.calls.name(),
            names.join(", "),
            self.filters.join(", ")
        )
    }
}

impl ExecutionPlan for VcfExec {
    fn name(&self) -> &str {
        "VcfExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        Vec::new()
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        if children.is_empty() { Ok(self) } else { Err(Error::internal("a scan has no children").into()) }
    }

    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let context = context_of(&task)?;
        let mut builder = RecordBatchReceiverStreamBuilder::new(self.schema.clone(), WAITING);
        let sender = builder.tx();
        let part = PartitionWork {
            shared: self.shared.clone(),
            recipe: self.recipe.clone(),
            reading: self.reading.clone(),
            partition,
            partitions: self.partitions,
            deals: self.deals.clone(),
            context,
        };
        builder.spawn_blocking(move || Ok(scan::run(&part, &mut |batch| sender.blocking_send(Ok(batch)).is_ok())?));
        Ok(builder.build())
    }
}
