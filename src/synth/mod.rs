//! Deterministic generator of VCF files.
