//! Pauses between tries of what failed in passing: doubling, jittered, and over when the patience is. It must not know what is
//! tried.

use std::time::{Duration, Instant};

use crate::crypto;
use crate::error::{Error, Result};

/// The first pause and the longest.
const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(10);

/// The pauses of one outage.
#[derive(Debug)]
pub struct Backoff {
    end: Instant,
    pause: Duration,
}

impl Backoff {
    /// Pauses that begin now and add up to `patience` at most.
    pub fn new(patience: Duration) -> Self {
        Self { end: Instant::now() + patience, pause: FIRST }
    }

    /// Sleeps before the next try. Gives `error` back when it is not transient, or when the patience is used up.
    pub async fn after(&mut self, error: Error) -> Result<()> {
        let left = self.end.saturating_duration_since(Instant::now());
        if !error.is_transient() || left.is_zero() {
            return Err(error);
        }
        let pause = self.next().min(left);
        tracing::warn!(%error, ?pause, "trying again");
        tokio::time::sleep(pause).await;
        Ok(())
    }

    /// The next pause, drawn from the upper half of its length, so that hundreds of clients that failed together do not come
    /// back together.
    fn next(&mut self) -> Duration {
        let pause = self.pause.mul_f64(1.0 - fraction() / 2.0);
        self.pause = (self.pause * 2).min(LONGEST);
        pause
    }
}

/// A number from 0 to 1 by chance.
fn fraction() -> f64 {
    let mut byte = [0];
    crypto::random(&mut byte);
    f64::from(byte[0]) / 255.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Class;

    #[tokio::test]
    async fn only_what_passes_is_waited_for_and_not_for_ever() {
        let lasting = Backoff::new(LONGEST).after(Error::failed("disk full")).await;
        assert_eq!(lasting.unwrap_err().class(), Class::Failed);
        let mut short = Backoff::new(Duration::from_millis(1));
        while let Ok(()) = short.after(Error::database("away").transient()).await {}
    }

    #[test]
    fn pauses_grow_to_the_longest_and_differ() {
        let mut backoff = Backoff::new(LONGEST);
        let pauses: Vec<Duration> = (0..20).map(|_| backoff.next()).collect();
        for (pause, n) in pauses.iter().zip(0..) {
            let whole = (FIRST * 2u32.pow(n)).min(LONGEST);
            assert!(whole / 2 <= *pause && *pause <= whole, "{pauses:?}");
        }
        assert!(pauses[8..].windows(2).any(|pair| pair[0] != pair[1]), "no jitter: {pauses:?}");
    }
}
