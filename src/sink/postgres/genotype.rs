//! Genotypes -> text of GT: compact, and what every tool reads. It must not know other types.

use datafusion::arrow::array::Array;

use crate::flow::genotype::Genotypes;
use crate::pgcopy::{Staging, Text};

/// A column of genotypes, typed or as the text of a file that declares GT otherwise.
pub enum Gt<'a> {
    Typed(Genotypes<'a>),
    Text(Text<'a>),
}

impl<'a> Gt<'a> {
    /// Looks at an array; `None` when it is neither.
    pub fn bind(array: &'a dyn Array) -> Option<Self> {
        Genotypes::bind(array).map(Self::Typed).or_else(|| Text::bind(array).map(Self::Text))
    }

    /// Appends the field of `row`.
    ///
    /// # Panics
    /// When `row` is not below the array's length, as Arrow's own accessors do.
    #[inline]
    pub fn put(&self, row: usize, out: &mut Staging) {
        match self {
            Self::Typed(genotypes) => match genotypes.get(row) {
                Some(genotype) => out.measured(|out| genotype.write(out.bytes())),
                None => out.null(),
            },
            Self::Text(texts) => texts.put_staged(row, out),
        }
    }
}

#[cfg(test)]
mod tests {
    use datafusion::arrow::array::{Int32Array, StringArray};

    use super::*;
    use crate::flow::genotype::testing;
    use crate::pgcopy::testing::NULL;

    fn fields(array: &dyn Array) -> Vec<u8> {
        let mut out = Staging::default();
        let gt = Gt::bind(array).unwrap();
        (0..array.len()).for_each(|row| gt.put(row, &mut out));
        std::mem::take(out.bytes())
    }

    #[test]
    fn golden() {
        let expected = [&[0, 0, 0, 3][..], b"0|1", &NULL, &[0, 0, 0, 1], b".", &[0, 0, 0, 6], b"|0/1/2"].concat();
        let texts = [Some("0|1"), None, Some("."), Some("|0/1/2")];
        assert_eq!(fields(&testing::column(&texts)), expected);
        assert_eq!(fields(&StringArray::from(texts.to_vec())), expected);
        assert!(Gt::bind(&Int32Array::from(vec![1])).is_none());
    }
}
