//! Genotypes as values: the Arrow type of one call's GT, how it is read, and its text (VCF 4.5 section 1.6.2). It must not
//! know lists of calls, files or tables.

use std::sync::{Arc, LazyLock};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BooleanArray, Int32Array, ListArray, StructArray};
use datafusion::arrow::buffer::{BooleanBuffer, NullBuffer, OffsetBuffer};
use datafusion::arrow::datatypes::{DataType, Field, FieldRef, Fields, Int32Type};

use crate::error::Result;

/// One of the two fields of a genotype: the alleles, 0 for REF, null for `.`; `List<Int32>`.
pub const ALLELES: &str = "alleles";
/// The other: the sign before each allele, true for `|`; `List<Boolean>`, as long as the alleles. The first is the leading
/// phase, written or implied.
pub const PHASED: &str = "phased";

static FIELDS: LazyLock<(FieldRef, FieldRef, Fields)> = LazyLock::new(|| {
    let allele = Arc::new(Field::new_list_field(DataType::Int32, true));
    let phase = Arc::new(Field::new_list_field(DataType::Boolean, false));
    let fields = Fields::from(vec![
        Field::new(ALLELES, DataType::List(allele.clone()), false),
        Field::new(PHASED, DataType::List(phase.clone()), false),
    ]);
    (allele, phase, fields)
});

/// The type of one genotype: `Struct { alleles: List<Int32>, phased: List<Boolean> }`. A null struct is a call without GT.
pub fn genotype_type() -> DataType {
    DataType::Struct(FIELDS.2.clone())
}

/// Is `kind` the type of one genotype?
pub fn is_genotype(kind: &DataType) -> bool {
    matches!(kind, DataType::Struct(fields) if *fields == FIELDS.2)
}

/// Puts genotypes together: `offsets` cut both `alleles` and `phased`, which are of one length. Class `internal` when they
/// do not fit each other.
pub fn genotypes(
    alleles: Int32Array,
    phased: BooleanBuffer,
    offsets: OffsetBuffer<i32>,
    nulls: Option<NullBuffer>,
) -> Result<StructArray> {
    let (allele, phase, fields) = &*FIELDS;
    let alleles: ArrayRef = Arc::new(ListArray::try_new(allele.clone(), offsets.clone(), Arc::new(alleles), None)?);
    let phased = Arc::new(BooleanArray::new(phased, None));
    let phased: ArrayRef = Arc::new(ListArray::try_new(phase.clone(), offsets, phased, None)?);
    Ok(StructArray::try_new(fields.clone(), vec![alleles, phased], nulls)?)
}

/// The leading phase of a genotype that writes none: unphased as soon as one sign is `/`, so a haploid call is phased.
pub fn implied_phase(signs: impl IntoIterator<Item = bool>) -> bool {
    signs.into_iter().all(|phased| phased)
}

/// The genotypes of a column, ready to be read.
#[derive(Clone, Copy, Debug)]
pub struct Genotypes<'a> {
    nulls: Option<&'a NullBuffer>,
    alleles: &'a Int32Array,
    allele_offsets: &'a [i32],
    phased: &'a BooleanBuffer,
    phase_offsets: &'a [i32],
}

impl<'a> Genotypes<'a> {
    /// Looks at an array of [`genotype_type`]; `None` when it is of another.
    pub fn bind(array: &'a dyn Array) -> Option<Self> {
        let array = array.as_struct_opt().filter(|array| is_genotype(array.data_type()))?;
        let [alleles, phased] = array.columns() else { return None };
        let (alleles, phased) = (alleles.as_list_opt::<i32>()?, phased.as_list_opt::<i32>()?);
        Some(Self {
            nulls: array.nulls(),
            alleles: alleles.values().as_primitive_opt::<Int32Type>()?,
            allele_offsets: alleles.value_offsets(),
            phased: phased.values().as_boolean_opt()?.values(),
            phase_offsets: phased.value_offsets(),
        })
    }

    /// The genotype at `at`, which is below the array's length; `None` for a call without GT.
    #[inline]
    pub fn get(&self, at: usize) -> Option<Genotype<'a>> {
        if self.nulls.is_some_and(|nulls| nulls.is_null(at)) {
            return None;
        }
        let range = |offsets: &[i32]| (offsets[at] as usize, (offsets[at + 1] - offsets[at]) as usize);
        let (first, ploidy) = range(self.allele_offsets);
        let (first_phase, phases) = range(self.phase_offsets);
        // Both lists are made with one length; whoever built them otherwise gets the part they share.
        Some(Genotype { alleles: self.alleles, phased: self.phased, first, first_phase, ploidy: ploidy.min(phases) })
    }
}

/// One genotype.
#[derive(Clone, Copy, Debug)]
pub struct Genotype<'a> {
    alleles: &'a Int32Array,
    phased: &'a BooleanBuffer,
    first: usize,
    first_phase: usize,
    ploidy: usize,
}

impl Genotype<'_> {
    /// Number of alleles.
    pub fn ploidy(&self) -> usize {
        self.ploidy
    }

    /// Each allele, `None` for a missing one, and whether the sign before it is `|`.
    #[inline]
    pub fn calls(&self) -> impl Iterator<Item = (Option<i32>, bool)> {
        (0..self.ploidy).map(|nth| {
            let at = self.first + nth;
            (self.alleles.is_valid(at).then(|| self.alleles.value(at)), self.phased.value(self.first_phase + nth))
        })
    }

    /// Appends the text of GT. The leading phase is written only where it is not the implied one, so what VCF 4.3 can say
    /// is written as VCF 4.3 says it.
    pub fn write(&self, out: &mut Vec<u8>) {
        let implied = implied_phase(self.calls().skip(1).map(|(_, phased)| phased));
        for (nth, (allele, phased)) in self.calls().enumerate() {
            if nth > 0 || phased != implied {
                out.push(if phased { b'|' } else { b'/' });
            }
            match allele {
                None => out.push(b'.'),
                Some(allele @ 0..=9) => out.push(b'0' + allele as u8),
                Some(allele) => out.extend_from_slice(allele.to_string().as_bytes()),
            }
        }
    }
}

/// Genotypes from their text by the slowest and plainest way, for tests to compare with.
#[cfg(test)]
pub mod testing {
    use super::*;

    /// Alleles and phase of a GT text; `None` when it is no genotype.
    pub fn read(text: &str) -> Option<Vec<(Option<i32>, bool)>> {
        let cut = text.find(|c| c != '/' && c != '|').unwrap_or(text.len());
        let (lead, body) = text.split_at(cut);
        let signs: Vec<bool> = body.chars().filter(|c| "/|".contains(*c)).map(|c| c == '|').collect();
        let leading = match lead {
            "" => !signs.contains(&false),
            "/" => false,
            "|" => true,
            _ => return None,
        };
        let allele = |text: &str| match text {
            "." => Some(None),
            digits if !digits.is_empty() && digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok().map(Some),
            _ => None,
        };
        let alleles: Option<Vec<Option<i32>>> = body.split(['/', '|']).map(allele).collect();
        Some(alleles?.into_iter().zip(std::iter::once(leading).chain(signs)).collect())
    }

    /// A column of genotypes; panics for text that is none.
    pub fn column(texts: &[Option<&str>]) -> ArrayRef {
        let calls: Vec<_> = texts.iter().map(|text| text.map(|text| read(text).unwrap())).collect();
        let all = || calls.iter().flatten().flatten();
        let offsets = OffsetBuffer::from_lengths(calls.iter().map(|call| call.as_ref().map_or(0, Vec::len)));
        let nulls: Vec<bool> = calls.iter().map(Option::is_some).collect();
        let alleles: Int32Array = all().map(|(allele, _)| *allele).collect();
        let phased: Vec<bool> = all().map(|(_, phased)| *phased).collect();
        Arc::new(genotypes(alleles, phased.into(), offsets, Some(nulls.into())).unwrap())
    }

    /// The texts of a column.
    pub fn texts(column: &dyn Array) -> Vec<Option<String>> {
        let genotypes = Genotypes::bind(column).unwrap();
        let text = |genotype: Genotype<'_>| {
            let mut out = Vec::new();
            genotype.write(&mut out);
            String::from_utf8(out).unwrap()
        };
        (0..column.len()).map(|at| genotypes.get(at).map(text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_written_back_and_a_leading_phase_only_where_it_says_something() {
        for (text, written) in [
            ("0|1", "0|1"),
            ("./.", "./."),
            (".", "."),
            ("1", "1"),
            ("|1", "1"),
            ("/1", "/1"),
            ("0/1/2", "0/1/2"),
            ("/0/1", "0/1"),
            ("|0/1", "|0/1"),
            ("/0|1", "/0|1"),
            ("|0|1", "0|1"),
            ("0|1/2", "0|1/2"),
            ("12/.|345", "12/.|345"),
            ("2147483647", "2147483647"),
        ] {
            let column = testing::column(&[None, Some(text)]);
            assert_eq!(testing::texts(&column), [None, Some(written.to_owned())], "{text}");
        }
    }

    #[test]
    fn a_slice_reads_its_own_calls() {
        let column = testing::column(&[Some("0/1"), None, Some("1|2|3"), Some(".")]);
        let slice = column.slice(1, 3);
        assert_eq!(testing::texts(&slice), [None, Some("1|2|3".into()), Some(".".into())]);
        let genotypes = Genotypes::bind(&slice).unwrap();
        assert_eq!(genotypes.get(1).unwrap().ploidy(), 3);
        assert_eq!(genotypes.get(2).unwrap().calls().collect::<Vec<_>>(), [(None, true)]);
    }

    #[test]
    fn only_genotypes_are_bound() {
        assert!(is_genotype(&genotype_type()));
        assert!(Genotypes::bind(&Int32Array::from(vec![1])).is_none());
        let other = StructArray::from(vec![(
            Arc::new(Field::new(ALLELES, DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![1])) as ArrayRef,
        )]);
        assert!(Genotypes::bind(&other).is_none());
    }
}
