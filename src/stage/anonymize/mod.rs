//! Gives every sample a random pseudonym. It must not know where rows go.
