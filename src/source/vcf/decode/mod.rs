//! One record's line into one row: the hot loop. Bytes in, typed builders out; what is not asked for is skipped. It must not
//! know files, units' borders or tasks.

mod alt_ends;
mod bad;
mod bcf;
mod binary;
mod calls;
mod decoder;
mod extent;
mod fixed;
mod info;
mod keep_or_fail;
mod needle;
mod odd;
mod recipe;
#[cfg(test)]
mod tests;
mod text;
mod undeclared;

pub(crate) use bad::{Bad, Outcome};
pub(crate) use decoder::Decoder;
pub(crate) use recipe::Recipe;

impl Decoder {
    /// Takes one line without its line ending, or one record of BCF. `clean`: the line is known to be UTF-8 without NUL,
    /// which no database's text can hold. A bad record leaves nothing behind.
    pub(crate) fn record(&mut self, line: &[u8], ordinal: u32, clean: bool) -> Outcome {
        let taken = match self.binary.take() {
            None => self.try_record(line, ordinal, clean),
            Some(mut binary) => {
                let taken = self.try_binary(&mut binary, line, ordinal);
                self.binary = Some(binary);
                taken
            }
        };
        match taken {
            Ok(outcome) => outcome,
            Err(bad) => {
                self.fixed.truncate(self.rows);
                match self.binary.take() {
                    None => self.undo_text(line),
                    Some(binary) => {
                        self.undo_binary(&binary, line);
                        self.binary = Some(binary);
                    }
                }
                Outcome::Bad(bad)
            }
        }
    }
}
