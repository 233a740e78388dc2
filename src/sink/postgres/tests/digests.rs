//! The digests of a unit's rows: the same however the rows came, another for every other order.

use std::sync::Arc;

use datafusion::arrow::array::{Int32Array, ListArray, RecordBatch};
use datafusion::arrow::buffer::OffsetBuffer;
use datafusion::arrow::datatypes::{DataType, Field};
use proptest::prelude::*;

use crate::error::Class;
use crate::pgcopy::{Buffer, LIMIT};
use crate::sink::postgres::layout::Layout;
use crate::sink::postgres::rows::{Owner, Place};
use crate::sink::testing::{Site, batch, schema, sites};
use crate::store::tables::{CALLS_LABEL, VARIANTS_LABEL};

const SAMPLES: usize = 3;

/// Of rows that come in these batches, through buffers of this size.
fn digests(batches: &[RecordBatch], limit: usize) -> [[u8; 32]; 2] {
    let layout = Layout::of(&schema(), &[]).unwrap();
    let [mut variants, mut calls] = [VARIANTS_LABEL, CALLS_LABEL].map(|label| Buffer::digesting(label).with_limit(limit));
    let mut owner = Owner { load: [7; 16], input: 1, first_id: 0 };
    for batch in batches {
        let (mut rows, end, mut row) = (layout.bind(batch).unwrap(), batch.num_rows(), 0);
        while row < end {
            row = rows.put_variants(Owner { first_id: owner.first_id + row as i64, ..owner }, row..end, &mut variants).unwrap();
            variants.take();
        }
        let mut place = Place { row: 0, call: 0 };
        while place.row < end {
            place = rows.put_calls(owner, 0..end, place, &mut calls).unwrap();
            calls.take();
        }
        owner.first_id += end as i64;
    }
    [variants.take_digest().unwrap(), calls.take_digest().unwrap()]
}

proptest! {
    #[test]
    fn batches_and_buffers_leave_no_trace(cuts in prop::collection::vec(0..60usize, 0..6), limit in 30..20_000usize) {
        let whole = batch(0, &sites(60), SAMPLES);
        let mut ends = [cuts, vec![60]].concat();
        ends.sort_unstable();
        let mut from = 0;
        let cut = |end| { let part = whole.slice(from, end - from); from = end; part };
        let parts: Vec<RecordBatch> = ends.into_iter().map(cut).collect();
        prop_assert_eq!(digests(&parts, limit), digests(std::slice::from_ref(&whole), LIMIT));
    }
}

#[test]
fn order_and_every_row_count() {
    let of = |lines: &[u32]| {
        let sites: Vec<Site> = lines.iter().map(|&line| Site { chrom: "chr1", line }).collect();
        digests(&[batch(0, &sites, SAMPLES)], LIMIT)
    };
    let all = [of(&[]), of(&[0]), of(&[0, 1]), of(&[1, 0]), of(&[0, 0])];
    for (nth, one) in all.iter().enumerate() {
        for other in &all[nth + 1..] {
            assert!(one[0] != other[0] && one[1] != other[1]);
        }
    }
}

/// Their order is what `validate` asks the server for, so rows that come otherwise are refused, not stored.
#[test]
fn calls_out_of_the_order_of_their_samples_are_refused() {
    let whole = batch(0, &sites(1), SAMPLES);
    let at = whole.schema().index_of(crate::flow::column::CALLS_SAMPLE).unwrap();
    for wrong in [[1, 0, 2], [0, 1, 1]] {
        let (item, values) = (Field::new("item", DataType::Int32, true), Int32Array::from(wrong.to_vec()));
        let mut columns = whole.columns().to_vec();
        columns[at] = Arc::new(ListArray::new(Arc::new(item), OffsetBuffer::from_lengths([SAMPLES]), Arc::new(values), None));
        let batch = RecordBatch::try_new(whole.schema(), columns).unwrap();
        let layout = Layout::of(&schema(), &[]).unwrap();
        let owner = Owner { load: [7; 16], input: 1, first_id: 0 };
        let put = layout.bind(&batch).unwrap().put_calls(owner, 0..1, Place { row: 0, call: 0 }, &mut Buffer::default());
        assert_eq!(put.unwrap_err().class(), Class::Internal);
    }
}
