//! A plan and a grant into a running flow.
