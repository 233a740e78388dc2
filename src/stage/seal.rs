//! Protects whole columns value by value, for `encrypt` and `sanitize`. It must not know which columns, or where keys lie.
//!
//! A sealed value is `length of the key id (1 byte) | key id | salt (16) | AES-256-GCM value` (`crypto::aead`). The plaintext
//! is one JSON value (RFC 8259); NaN and infinities are the strings `NaN`, `Infinity`, `-Infinity`, a genotype is its text. The AES key is
//! HMAC-SHA256 (FIPS 198-1, as a one-block KDF of NIST SP 800-108r1 section 4.1) of the salt under the ring key's own subkey, and each run
//! draws a new salt: so the bound of 2^32 values a key (NIST SP 800-38D section 8.3) counts per run. The associated data
//! are `genogate/column/1`, the column's name and the key's id, with zero bytes between: a value does not open under
//! another column's name. The ciphertext shows the plaintext's length and nothing else.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::arrow::array::{Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, ListArray};
use datafusion::arrow::datatypes::{DataType, Field, Float64Type, Int32Type, Int64Type};
use datafusion::arrow::util::display::{ArrayFormatter, FormatOptions};
use serde_json::Value;
use zeroize::Zeroize;

use crate::crypto::aead::{Cipher, MESSAGES_PER_KEY};
use crate::crypto::digest::hmac_sha256;
use crate::crypto::{Key, Purpose};
use crate::error::{Error, Result};
use crate::flow::column;
use crate::flow::genotype::{Genotypes, is_genotype};
use crate::secrets::KeyRing;

const SALT: usize = 16;

/// The type of a column once it is sealed: a list of values for calls, one value for anything else.
pub(super) fn sealed_type(name: &str, kind: &DataType) -> DataType {
    match kind {
        DataType::List(_) if name.starts_with(column::CALLS) => DataType::new_list(DataType::Binary, true),
        _ => DataType::Binary,
    }
}

/// Binary columns come from an earlier encryption only: VCF has no binary type.
pub(super) fn is_sealed(kind: &DataType) -> bool {
    match kind {
        DataType::Binary => true,
        DataType::List(item) => is_sealed(item.data_type()),
        _ => false,
    }
}

/// One run's cipher.
pub(super) struct Seal {
    cipher: Cipher,
    key_id: String,
    prefix: Vec<u8>,
    sealed: AtomicU64,
}

impl std::fmt::Debug for Seal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seal").field("key_id", &self.key_id).finish_non_exhaustive()
    }
}

impl Seal {
    /// Draws a salt and makes the run's key from the ring's primary one.
    pub(super) fn new(ring: &KeyRing) -> Result<Self> {
        let (id, key) = ring.primary();
        let length = u8::try_from(id.len()).map_err(|_| Error::usage("a key's id is longer than 255 bytes"))?;
        let mut salt = [0; SALT];
        crate::crypto::random(&mut salt);
        let prefix = [&[length][..], id.as_bytes(), &salt].concat();
        Ok(Self { cipher: run_cipher(key, &salt), key_id: id.to_owned(), prefix, sealed: AtomicU64::new(0) })
    }

    /// The id of the key in use.
    pub(super) fn key_id(&self) -> &str {
        &self.key_id
    }

    /// How many values were sealed so far.
    pub(super) fn count(&self) -> u64 {
        self.sealed.load(Ordering::Relaxed)
    }

    /// The column sealed; nulls stay null. Of type [`sealed_type`].
    pub(super) fn column(&self, name: &str, values: &ArrayRef) -> Result<ArrayRef> {
        let Some(calls) = values.as_list_opt::<i32>().filter(|_| name.starts_with(column::CALLS)) else {
            return Ok(Arc::new(self.values(name, values)?));
        };
        let field = Arc::new(Field::new_list_field(DataType::Binary, true));
        let sealed = self.values(name, calls.values())?;
        Ok(Arc::new(ListArray::try_new(field, calls.offsets().clone(), Arc::new(sealed), calls.nulls().cloned())?))
    }

    fn values(&self, name: &str, values: &ArrayRef) -> Result<BinaryArray> {
        let present = (values.len() - values.null_count()) as u64;
        if self.sealed.fetch_add(present, Ordering::Relaxed) + present > MESSAGES_PER_KEY {
            return Err(Error::failed("one run may not encrypt more than 2^32 values (NIST SP 800-38D section 8.3)")
                .with_hint("load the inputs in several runs"));
        }
        let aad = associated(name, &self.key_id);
        let mut builder = BinaryBuilder::with_capacity(values.len(), 0);
        let (mut plain, mut sealed) = (Vec::new(), Vec::new());
        for at in 0..values.len() {
            if values.is_null(at) {
                builder.append_null();
                continue;
            }
            plain.clear();
            write(values, at, &mut plain)?;
            sealed.clear();
            sealed.extend_from_slice(&self.prefix);
            self.cipher.seal_into(&plain, &aad, &mut sealed);
            builder.append_value(&sealed);
        }
        plain.zeroize();
        Ok(builder.finish())
    }
}

/// Opens a sealed value: the JSON value it was made from.
///
/// # Errors
/// Class `integrity` when the ring lacks the key, the value was changed, or it belongs to another column.
pub(super) fn open(ring: &KeyRing, name: &str, sealed: &[u8]) -> Result<Value> {
    let layout = || Error::integrity("an encrypted value has an unknown layout");
    let (&length, rest) = sealed.split_first().ok_or_else(layout)?;
    let (id, rest) = rest.split_at_checked(usize::from(length)).ok_or_else(layout)?;
    let (salt, rest) = rest.split_at_checked(SALT).ok_or_else(layout)?;
    let id = std::str::from_utf8(id).map_err(|_| layout())?;
    let key = ring.find(id).ok_or_else(|| Error::integrity("the ring does not hold the key an encrypted value names"))?;
    let mut plain = run_cipher(key, salt).open(rest, &associated(name, id))?;
    let value = serde_json::from_slice(&plain).map_err(|_| layout());
    plain.zeroize();
    value
}

fn run_cipher(key: &Key, salt: &[u8]) -> Cipher {
    Cipher::new(&Key::from_bytes(hmac_sha256(&key.derive(Purpose::ColumnKeys), salt)))
}

fn associated(name: &str, key_id: &str) -> Vec<u8> {
    [b"genogate/column/1", name.as_bytes(), key_id.as_bytes()].join(&0)
}

/// Appends a value as JSON.
fn write(values: &dyn Array, at: usize, out: &mut Vec<u8>) -> Result<()> {
    fn put<T: serde::Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<()> {
        serde_json::to_writer(out, value).map_err(|_| Error::internal("a value cannot be written as JSON"))
    }
    if values.is_null(at) {
        return put(out, &());
    }
    match values.data_type() {
        DataType::Utf8 => put(out, values.as_string::<i32>().value(at)),
        DataType::Int32 => put(out, &values.as_primitive::<Int32Type>().value(at)),
        DataType::Int64 => put(out, &values.as_primitive::<Int64Type>().value(at)),
        DataType::Boolean => put(out, &values.as_boolean().value(at)),
        DataType::Float64 => match values.as_primitive::<Float64Type>().value(at) {
            finite if finite.is_finite() => put(out, &finite),
            nan if nan.is_nan() => put(out, "NaN"),
            infinite => put(out, if infinite > 0.0 { "Infinity" } else { "-Infinity" }),
        },
        kind if is_genotype(kind) => {
            let mut text = Vec::new();
            if let Some(genotype) = Genotypes::bind(values).and_then(|genotypes| genotypes.get(at)) {
                genotype.write(&mut text);
            }
            put(out, &String::from_utf8_lossy(&text))
        }
        DataType::Struct(children) => {
            let values = values.as_struct();
            for (child, (field, column)) in children.iter().zip(values.columns()).enumerate() {
                out.push(if child == 0 { b'{' } else { b',' });
                put(out, field.name())?;
                out.push(b':');
                write(column, at, out)?;
            }
            out.extend_from_slice(if children.is_empty() { b"{}" } else { b"}" });
            Ok(())
        }
        DataType::List(_) => {
            let items = values.as_list::<i32>().value(at);
            out.push(b'[');
            for item in 0..items.len() {
                if item > 0 {
                    out.push(b',');
                }
                write(&items, item, out)?;
            }
            out.push(b']');
            Ok(())
        }
        _ => {
            let formatter = ArrayFormatter::try_new(values, &FormatOptions::default())?;
            put(out, &formatter.value(at).to_string())
        }
    }
}
