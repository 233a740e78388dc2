//! The specification's letter, version by version: what `conformance: strict` holds headers and records to. Every rule and its
//! section is listed in docs/vcf-conformance.md. It must not know Arrow, files or units; it only says yes or where not.

mod alleles;
mod calls;
mod checker;
mod fault;
mod fixed;
pub(crate) mod header;
mod info;
mod meta;
mod names;
mod order;
mod record;
mod rules;
mod structural;
#[cfg(test)]
mod tests;
mod value;

pub(crate) use checker::Checker;
pub(crate) use fault::At;
pub(crate) use rules::Rules;
