//! Spec and registry into a checked plan.
