//! Ctrl-C and SIGTERM into a cancellation. It must not know what is cancelled.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// A file that reaches the limit of its size (RLIMIT_FSIZE) is an error of whoever writes it, no longer the end of the process.
/// Needs a Tokio runtime; lasts as long as the process.
pub fn survive_file_size_limit() {
    // Where no handler can be set, the process ends as before.
    let _ = signal(SignalKind::from_raw(nix::sys::signal::Signal::SIGXFSZ as i32));
}

/// Cancels `token` at the first SIGINT, SIGTERM or SIGHUP. Runs until the returned task is dropped or aborted.
pub fn cancel_on_signal(token: CancellationToken) -> tokio::task::JoinHandle<()> {
    tokio::spawn(async move {
        let kinds = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::hangup()];
        let mut waiting: Vec<_> = kinds.into_iter().filter_map(|kind| signal(kind).ok()).collect();
        let any = waiting.iter_mut().map(|signal| Box::pin(signal.recv()));
        if !any.len().eq(&0) {
            futures::future::select_all(any).await;
            token.cancel();
        }
    })
}
