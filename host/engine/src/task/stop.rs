//! The user's wish to stop.

use tokio::sync::watch;

/// Becomes true once, when the user asks to stop.
#[derive(Debug, Clone)]
pub(crate) struct StopSignal(watch::Receiver<bool>);

impl StopSignal {
    /// Returns a signal and the sender that raises it.
    #[must_use]
    pub(crate) fn new() -> (watch::Sender<bool>, Self) {
        let (sender, receiver) = watch::channel(false);
        (sender, Self(receiver))
    }

    /// Returns whether the user asked to stop.
    #[must_use]
    pub(crate) fn is_raised(&self) -> bool {
        *self.0.borrow()
    }

    pub(crate) async fn raised(&self) {
        let mut receiver = self.0.clone();
        if receiver.wait_for(|raised| *raised).await.is_err() {
            // The sender went away without raising it: nobody can stop this any more.
            std::future::pending::<()>().await;
        }
    }
}
