//! Where records come from.

pub mod vcf;
