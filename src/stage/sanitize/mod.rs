//! Lets through what a policy knows, in header lines and text fields. It must not look for patterns; detect does.
