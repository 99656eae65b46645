//! What servers answered to a plugin, recorded for an author's fixture.

use std::sync::{Arc, Mutex, PoisonError};

use crate::grants::Reply;

/// Bytes of bodies that are kept, all replies together: as many as a fixture may have.
const BYTES: usize = 64 << 20;

/// Collects the replies to the requests of a plugin's calls, in their order. Cheap to clone; all clones
/// collect together. Of the requests only method and URL are kept: their headers and bodies hold secrets.
#[derive(Debug, Clone, Default)]
pub struct HttpRecorder(Arc<Mutex<Vec<Exchange>>>);

#[derive(Debug)]
struct Exchange {
    asked: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl HttpRecorder {
    /// Takes out the requests (`GET https://panel.example/api`) with their replies, as far as the plugin has
    /// read them. The recorder is empty afterwards.
    #[must_use]
    pub fn take(&self) -> Vec<(String, Reply)> {
        let all = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let told = |exchange: Exchange| {
            let body = String::from_utf8_lossy(&exchange.body).into_owned();
            (exchange.asked, Reply { status: exchange.status, headers: exchange.headers, body })
        };
        all.into_iter().map(told).collect()
    }

    /// Records the head of a reply; the number it returns is for [`read`](Self::read).
    pub(crate) fn begin(&self, asked: String, status: u16, headers: &[(String, String)]) -> usize {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.push(Exchange { asked, status, headers: headers.to_vec(), body: Vec::new() });
        all.len() - 1
    }

    /// Records more of a reply's body. What is over the bound is not kept.
    pub(crate) fn read(&self, number: usize, bytes: &[u8]) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept: usize = all.iter().map(|exchange| exchange.body.len()).sum();
        if let Some(exchange) = all.get_mut(number).filter(|_| kept + bytes.len() <= BYTES) {
            exchange.body.extend_from_slice(bytes);
        }
    }
}
