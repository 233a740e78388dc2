//! The end-to-end tests: one binary, so that the big dependencies link once.

mod annotations;
mod architecture;
mod audit;
mod bcf;
mod benchmark;
mod circles;
mod cohorts;
mod db;
mod documents;
mod faults;
mod hipaa;
mod hpc;
mod left_align;
mod loads;
mod manifest;
mod oracle;
mod pipelines;
mod progress;
mod query;
mod reference;
mod rules;
mod shards;
mod support;
mod validate;
