//! One visible list: kind -> constructor.
