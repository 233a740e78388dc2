//! VCF text into Arrow batches.
