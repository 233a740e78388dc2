//! The end-to-end tests: one binary, so that the big dependencies link once.

mod annotations;
mod architecture;
mod audit;
mod db;
mod documents;
mod faults;
mod hipaa;
mod loads;
mod pipelines;
mod reference;
mod support;
