//! What a flag takes that is no key of a pipeline, held to its bounds. It must not know which flag it is.

/// A number of threads.
pub fn at_least_one(text: &str) -> Result<usize, String> {
    text.parse().ok().filter(|number| *number > 0).ok_or_else(|| "it takes a whole number from 1 on".to_owned())
}

/// A name.
pub fn not_empty(text: &str) -> Result<String, String> {
    match text.trim().is_empty() {
        true => Err("it is empty".to_owned()),
        false => Ok(text.to_owned()),
    }
}
