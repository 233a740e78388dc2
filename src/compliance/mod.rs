//! Checks that attack instead of looking whether a table exists.
