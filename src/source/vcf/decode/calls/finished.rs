//! The finished columns of a batch's calls, each to be taken once. It must not know how they were filled.

use datafusion::arrow::array::ArrayRef;

use crate::source::vcf::slot::Slot;

/// One list a row in every column.
pub(in crate::source::vcf::decode) struct Finished {
    pub sample: ArrayRef,
    /// By index of the fields.
    pub fields: Vec<Option<ArrayRef>>,
    pub other: Option<ArrayRef>,
}

impl Finished {
    pub(in crate::source::vcf::decode) fn take(&mut self, slot: Slot) -> Option<ArrayRef> {
        match slot {
            Slot::Sample => Some(self.sample.clone()),
            Slot::Call(field) => self.fields.get_mut(field)?.take(),
            Slot::CallsOther => self.other.take(),
            _ => None,
        }
    }
}
