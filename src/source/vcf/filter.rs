//! Simple comparisons that the decoder can answer before it looks at INFO. It must not evaluate anything it is not sure of:
//! the engine filters again.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Expr, Operator};

use crate::flow::column;

/// A conjunction of simple comparisons.
#[derive(Clone, Debug, Default)]
pub(crate) struct Predicate {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq)]
enum Term {
    /// CHROM is one of these.
    Chrom(Vec<Box<[u8]>>),
    Pos(Test<i64>),
    End(Test<i64>),
    Qual(Test<f64>),
}

#[derive(Clone, Debug, PartialEq)]
enum Test<T> {
    Compare(Operator, T),
    OneOf(Vec<T>),
}

impl<T: PartialOrd> Test<T> {
    fn holds(&self, value: &T) -> bool {
        match self {
            Test::Compare(operator, bound) => match operator {
                Operator::Eq => value == bound,
                Operator::NotEq => value != bound,
                Operator::Lt => value < bound,
                Operator::LtEq => value <= bound,
                Operator::Gt => value > bound,
                Operator::GtEq => value >= bound,
                _ => true,
            },
            Test::OneOf(values) => values.iter().any(|known| known == value),
        }
    }
}

impl Predicate {
    /// The part of `filters` (a conjunction) that is understood.
    pub(crate) fn of<'a>(filters: impl IntoIterator<Item = &'a Expr>) -> Self {
        Self { terms: filters.into_iter().filter_map(terms).flatten().collect() }
    }

    /// Is the whole of `filter` understood?
    pub(crate) fn understands(filter: &Expr) -> bool {
        terms(filter).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    pub(crate) fn reads_qual(&self) -> bool {
        self.terms.iter().any(|term| matches!(term, Term::Qual(_)))
    }

    /// False only when the filters certainly drop the row. A comparison with a missing QUAL is never true; how NaN and zeros
    /// (which have a sign) compare is left to the engine.
    pub(crate) fn keeps(&self, chrom: &[u8], pos: i64, end: impl Fn() -> i64, qual: Option<f64>) -> bool {
        self.terms.iter().all(|term| match term {
            Term::Chrom(names) => names.iter().any(|name| **name == *chrom),
            Term::Pos(test) => test.holds(&pos),
            Term::End(test) => test.holds(&end()),
            Term::Qual(test) => qual.is_some_and(|qual| qual.is_nan() || qual == 0.0 || test.holds(&qual)),
        })
    }
}

fn terms(filter: &Expr) -> Option<Vec<Term>> {
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op: Operator::And, right }) => {
            let mut both = terms(left)?;
            both.extend(terms(right)?);
            Some(both)
        }
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match (left.as_ref(), right.as_ref()) {
            (Expr::Column(column), Expr::Literal(value, _)) => Some(vec![compare(&column.name, *op, value)?]),
            (Expr::Literal(value, _), Expr::Column(column)) => Some(vec![compare(&column.name, op.swap()?, value)?]),
            _ => None,
        },
        Expr::Between(between) if !between.negated => {
            let Expr::Column(column) = between.expr.as_ref() else { return None };
            let (Expr::Literal(low, _), Expr::Literal(high, _)) = (between.low.as_ref(), between.high.as_ref()) else {
                return None;
            };
            Some(vec![compare(&column.name, Operator::GtEq, low)?, compare(&column.name, Operator::LtEq, high)?])
        }
        Expr::InList(list) if !list.negated => {
            let Expr::Column(column) = list.expr.as_ref() else { return None };
            let values: Option<Vec<&ScalarValue>> = list
                .list
                .iter()
                .map(|item| match item {
                    Expr::Literal(value, _) => Some(value),
                    _ => None,
                })
                .collect();
            one_of(&column.name, &values?).map(|term| vec![term])
        }
        _ => None,
    }
}

fn compare(name: &str, op: Operator, value: &ScalarValue) -> Option<Term> {
    use Operator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    if !matches!(op, Eq | NotEq | Lt | LtEq | Gt | GtEq) {
        return None;
    }
    match name {
        column::CHROM if op == Eq => Some(Term::Chrom(vec![text(value)?])),
        column::POS => Some(Term::Pos(Test::Compare(op, integer(value)?))),
        column::END_POS => Some(Term::End(Test::Compare(op, integer(value)?))),
        column::QUAL => Some(Term::Qual(Test::Compare(op, float(value)?))),
        _ => None,
    }
}

fn one_of(name: &str, values: &[&ScalarValue]) -> Option<Term> {
    match name {
        column::CHROM => Some(Term::Chrom(values.iter().map(|value| text(value)).collect::<Option<_>>()?)),
        column::POS => Some(Term::Pos(Test::OneOf(values.iter().map(|value| integer(value)).collect::<Option<_>>()?))),
        column::END_POS => Some(Term::End(Test::OneOf(values.iter().map(|value| integer(value)).collect::<Option<_>>()?))),
        column::QUAL => Some(Term::Qual(Test::OneOf(values.iter().map(|value| float(value)).collect::<Option<_>>()?))),
        _ => None,
    }
}

fn text(value: &ScalarValue) -> Option<Box<[u8]>> {
    value.try_as_str()?.map(|text| text.as_bytes().into())
}

fn integer(value: &ScalarValue) -> Option<i64> {
    match value {
        ScalarValue::Int64(value) => *value,
        ScalarValue::Int32(value) => value.map(i64::from),
        _ => None,
    }
}

fn float(value: &ScalarValue) -> Option<f64> {
    match value {
        ScalarValue::Float64(value) => value.filter(|value| !value.is_nan()),
        ScalarValue::Int64(value) => value.map(|value| value as f64).filter(|value| value.abs() < 9e15),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use datafusion::prelude::{col, lit};

    use super::*;

    #[test]
    fn comparisons_lists_and_ranges() {
        let filter = col("chrom")
            .in_list(vec![lit("1"), lit("2")], false)
            .and(col("pos").gt_eq(lit(10i64)))
            .and(lit(30.0).lt(col("qual")))
            .and(col("end_pos").between(lit(1i64), lit(20i64)));
        assert!(Predicate::understands(&filter));
        let predicate = Predicate::of([&filter]);
        assert!(predicate.keeps(b"1", 10, || 20, Some(31.0)));
        assert!(!predicate.keeps(b"3", 10, || 20, Some(31.0)));
        assert!(!predicate.keeps(b"1", 9, || 20, Some(31.0)));
        assert!(!predicate.keeps(b"1", 10, || 21, Some(31.0)));
        assert!(!predicate.keeps(b"1", 10, || 20, Some(30.0)));
        assert!(!predicate.keeps(b"1", 10, || 20, None));
        assert!(predicate.keeps(b"1", 10, || 20, Some(f64::NAN)));
    }

    #[test]
    fn what_is_not_understood_is_left_alone() {
        for filter in [col("info.AC").gt(lit(1i64)), col("chrom").not_eq(lit("1")), col("pos").eq(col("end_pos"))] {
            assert!(!Predicate::understands(&filter));
            assert!(Predicate::of([&filter]).is_empty());
        }
    }
}
