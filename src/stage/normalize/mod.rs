//! One row per ALT allele. It must not know the file the rows came from.
