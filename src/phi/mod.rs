//! What identifiers look like, how text and headers are searched for them, and where the originals of pseudonyms are
//! kept. It must not know pipelines, stages or who is asking.

mod checks;
mod found;
pub mod headers;
pub mod names;
pub mod patterns;
mod renames;
mod scanner;
mod sweep;
pub mod text;
pub mod vault;
pub mod words;

pub use found::Match;
pub use names::Names;
pub use patterns::Pattern;
pub use renames::Renames;
pub use scanner::Scanner;
pub use words::{Contigs, Words};
