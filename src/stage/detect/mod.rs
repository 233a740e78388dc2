//! Looks for identifiers in the document and in every text value. It must not know where rows go.
