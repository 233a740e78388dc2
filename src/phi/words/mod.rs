//! Words of a file: keys of INFO and FORMAT, filters, contigs, alleles. What of them may be kept and told: a word of an assembly's,
//! an accession's or the specification's grammar, or one in whose pieces nobody is named. The same question is asked of every word
//! that a person types. It must not know where a word stands, nor what becomes of one that is refused.

mod alleles;
mod contigs;
mod judge;
mod people;
mod pieces;

pub use contigs::{Contigs, is_usual as is_usual_contig};
pub use judge::{Flaw, Words, rules};
