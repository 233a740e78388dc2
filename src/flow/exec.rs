//! Puts stages and sinks into a DataFusion plan: one generic extension node each, logical and physical, and the planner
//! that turns the first into the second. It must not know any stage or sink by name.

use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::arrow::array::{RecordBatch, UInt64Array};
use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DFSchema, DFSchemaRef, Result as DfResult};
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{Expr, Extension, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore};
use datafusion::physical_expr::EquivalenceProperties;
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning, PhysicalExpr, PlanProperties,
};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use futures::{StreamExt, TryStreamExt};

use super::{Context, Opened, Sink, Specification, Stage};
use crate::error::{Error, Result};

/// The run's context, as the nodes of a running plan find it.
pub fn context_of(task: &TaskContext) -> DfResult<Arc<Context>> {
    task.session_config()
        .get_extension::<Context>()
        .ok_or_else(|| Error::internal("the plan was executed without a run's context").into())
}

/// What the run opened for the plan's nodes.
fn opened_for(task: &TaskContext) -> DfResult<Arc<Opened>> {
    task.session_config()
        .get_extension::<Opened>()
        .ok_or_else(|| Error::internal("the plan was executed before it was opened").into())
}

/// A stage in the logical plan.
#[derive(Clone, Debug)]
pub struct StageNode {
    /// Position among the run's opened stages.
    pub index: usize,
    pub stage: Arc<dyn Stage>,
    input: LogicalPlan,
    schema: DFSchemaRef,
}

impl StageNode {
    /// Puts `stage` on top of `input`.
    pub fn plan(index: usize, stage: Arc<dyn Stage>, input: LogicalPlan) -> Result<LogicalPlan> {
        let node = Self::new(index, stage, input)?;
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(node) }))
    }

    fn new(index: usize, stage: Arc<dyn Stage>, input: LogicalPlan) -> Result<Self> {
        let schema = stage.schema(input.schema().as_arrow())?;
        let schema = Arc::new(DFSchema::try_from(schema.as_ref().clone()).map_err(Error::from)?);
        Ok(Self { index, stage, input, schema })
    }
}

impl PartialEq for StageNode {
    fn eq(&self, other: &Self) -> bool {
        self.index == other.index && Arc::ptr_eq(&self.stage, &other.stage) && self.input == other.input
    }
}

impl Eq for StageNode {}

impl Hash for StageNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.index.hash(state);
        self.input.hash(state);
    }
}

impl PartialOrd for StageNode {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        match self.index.cmp(&other.index) {
            std::cmp::Ordering::Equal => self.input.partial_cmp(&other.input),
            unequal => Some(unequal),
        }
    }
}

impl UserDefinedLogicalNodeCore for StageNode {
    fn name(&self) -> &str {
        "Stage"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        self.stage.blocks_predicates_on(self.schema.as_arrow()).into_iter().collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        explained(f, "", self.stage.specification())
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> DfResult<Self> {
        let input = inputs.pop().ok_or_else(|| Error::internal("a stage node lost its input"))?;
        Ok(Self::new(self.index, self.stage.clone(), input)?)
    }

    /// Columns asked by name, columns the stage reads, and the two internal ones, which always travel.
    fn necessary_children_exprs(&self, output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        let input = self.input.schema();
        let reads: HashSet<String> = self.stage.reads(input.as_arrow()).into_iter().collect();
        let wanted: HashSet<&str> = output_columns.iter().map(|&i| self.schema.field(i).name().as_str()).collect();
        let needed = input.fields().iter().enumerate().filter(|(_, field)| {
            let name = field.name();
            name.starts_with("__") || wanted.contains(name.as_str()) || reads.contains(name)
        });
        Some(vec![needed.map(|(i, _)| i).collect()])
    }
}

/// A stage in the physical plan: partition in, partition out, rows in order.
#[derive(Debug)]
pub struct StageExec {
    index: usize,
    stage: Arc<dyn Stage>,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl StageExec {
    fn new(index: usize, stage: Arc<dyn Stage>, input: Arc<dyn ExecutionPlan>) -> Result<Self> {
        let schema = stage.schema(&input.schema())?;
        let properties = properties(schema, input.output_partitioning().partition_count());
        Ok(Self { index, stage, input, properties })
    }

    /// Position among the run's opened stages.
    pub fn index(&self) -> usize {
        self.index
    }

    /// Schema of the batches that arrive.
    pub fn input_schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

/// A node's line in EXPLAIN: what the component says about itself.
fn explained(f: &mut fmt::Formatter<'_>, node: &str, specification: Result<Specification>) -> fmt::Result {
    match specification {
        Ok(specification) => write!(f, "{node}{}: {specification}", specification.kind()),
        Err(error) => write!(f, "{node}{error}"),
    }
}

fn properties(schema: SchemaRef, partitions: usize) -> Arc<PlanProperties> {
    let (partitioning, emission) = (Partitioning::UnknownPartitioning(partitions), EmissionType::Incremental);
    Arc::new(PlanProperties::new(EquivalenceProperties::new(schema), partitioning, emission, Boundedness::Bounded))
}

impl DisplayAs for StageExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        explained(f, "StageExec: ", self.stage.specification())
    }
}

impl ExecutionPlan for StageExec {
    fn name(&self) -> &str {
        "StageExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn maintains_input_order(&self) -> Vec<bool> {
        vec![true]
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        let input = children.pop().ok_or_else(|| Error::internal("a stage lost its input"))?;
        Ok(Arc::new(Self::new(self.index, self.stage.clone(), input)?))
    }

    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let opened = opened_for(&task)?;
        let missing = || Error::internal("a stage ran before it was opened");
        let apply = opened.stages.get(self.index).cloned().ok_or_else(missing)?;
        let schema = self.properties.eq_properties.schema().clone();
        let kind = self.stage.kind();
        let stream = self.input.execute(partition, task)?.map(move |batch| {
            let batch = apply.apply(batch?).map_err(|error| error.at(kind))?;
            Ok(batch)
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}

/// The sink in the logical plan: always the root.
#[derive(Clone, Debug)]
pub struct SinkNode {
    sink: Arc<dyn Sink>,
    input: LogicalPlan,
    schema: DFSchemaRef,
}

/// What a sink's partition yields: one row, the number of rows it wrote.
fn written_schema() -> Schema {
    Schema::new(vec![Field::new("rows", DataType::UInt64, false)])
}

impl SinkNode {
    /// Puts `sink` on top of `input`.
    pub fn plan(sink: Arc<dyn Sink>, input: LogicalPlan) -> Result<LogicalPlan> {
        let schema = Arc::new(DFSchema::try_from(written_schema()).map_err(Error::from)?);
        Ok(LogicalPlan::Extension(Extension { node: Arc::new(Self { sink, input, schema }) }))
    }
}

impl PartialEq for SinkNode {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.sink, &other.sink) && self.input == other.input
    }
}

impl Eq for SinkNode {}

impl Hash for SinkNode {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
    }
}

impl PartialOrd for SinkNode {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        self.input.partial_cmp(&other.input)
    }
}

impl UserDefinedLogicalNodeCore for SinkNode {
    fn name(&self) -> &str {
        "Sink"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter) -> fmt::Result {
        explained(f, "", self.sink.specification())
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, mut inputs: Vec<LogicalPlan>) -> DfResult<Self> {
        let input = inputs.pop().ok_or_else(|| Error::internal("the sink node lost its input"))?;
        Ok(Self { sink: self.sink.clone(), input, schema: self.schema.clone() })
    }

    fn necessary_children_exprs(&self, _output_columns: &[usize]) -> Option<Vec<Vec<usize>>> {
        Some(vec![(0..self.input.schema().fields().len()).collect()])
    }
}

/// The sink in the physical plan: one writer a partition.
#[derive(Debug)]
pub struct SinkExec {
    sink: Arc<dyn Sink>,
    input: Arc<dyn ExecutionPlan>,
    properties: Arc<PlanProperties>,
}

impl SinkExec {
    fn new(sink: Arc<dyn Sink>, input: Arc<dyn ExecutionPlan>) -> Self {
        let properties = properties(Arc::new(written_schema()), input.output_partitioning().partition_count());
        Self { sink, input, properties }
    }

    /// Schema of the batches that arrive.
    pub fn input_schema(&self) -> SchemaRef {
        self.input.schema()
    }
}

impl DisplayAs for SinkExec {
    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter) -> fmt::Result {
        explained(f, "SinkExec: ", self.sink.specification())
    }
}

impl ExecutionPlan for SinkExec {
    fn name(&self) -> &str {
        "SinkExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false]
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> DfResult<TreeNodeRecursion>,
    ) -> DfResult<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn with_new_children(self: Arc<Self>, mut children: Vec<Arc<dyn ExecutionPlan>>) -> DfResult<Arc<dyn ExecutionPlan>> {
        let input = children.pop().ok_or_else(|| Error::internal("the sink lost its input"))?;
        Ok(Arc::new(Self::new(self.sink.clone(), input)))
    }

    fn execute(&self, partition: usize, task: Arc<TaskContext>) -> DfResult<SendableRecordBatchStream> {
        let context = context_of(&task)?;
        let sink = opened_for(&task)?.sink.clone();
        let mut input = self.input.execute(partition, task)?;
        let schema = self.schema();
        let output = schema.clone();
        let write = async move {
            let mut writer = sink.writer(partition).await?;
            let mut rows = 0u64;
            while let Some(batch) = input.try_next().await? {
                if context.cancel.is_cancelled() {
                    return Err(Error::interrupted("the run was stopped").into());
                }
                rows += batch.num_rows() as u64;
                writer.write(batch).await?;
            }
            if context.cancel.is_cancelled() {
                return Err(Error::interrupted("the run was stopped").into());
            }
            writer.end().await?;
            Ok(RecordBatch::try_new(output, vec![Arc::new(UInt64Array::from(vec![rows]))])?)
        };
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, futures::stream::once(write))))
    }
}

/// Turns our logical nodes into physical ones; everything else is DataFusion's own planner's.
#[derive(Debug, Default)]
pub struct FlowPlanner;

#[async_trait]
impl QueryPlanner for FlowPlanner {
    async fn create_physical_plan(&self, plan: &LogicalPlan, state: &dyn Session) -> DfResult<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(NodePlanner)]).create_physical_plan(plan, state).await
    }
}

struct NodePlanner;

#[async_trait]
impl ExtensionPlanner for NodePlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical: &[&LogicalPlan],
        physical: &[Arc<dyn ExecutionPlan>],
        _state: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> DfResult<Option<Arc<dyn ExecutionPlan>>> {
        let Some(input) = physical.first().cloned() else { return Ok(None) };
        if let Some(node) = node.as_any().downcast_ref::<StageNode>() {
            return Ok(Some(Arc::new(StageExec::new(node.index, node.stage.clone(), input)?)));
        }
        if let Some(node) = node.as_any().downcast_ref::<SinkNode>() {
            return Ok(Some(Arc::new(SinkExec::new(node.sink.clone(), input))));
        }
        Ok(None)
    }
}
