//! Random pseudonyms and the keyed blind index that finds them again.
