//! One task: these mailboxes, from there to here.

use std::fs;
use std::path::{Path, PathBuf};

use mailhaul_net::{Dialer, Endpoint, Stream, TlsMode};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// How many mailboxes are moved at once by those that leave that to the user: mailhaul's own default.
pub(crate) const USUAL_AT_ONCE: usize = 4;

/// A server, as the tools are told of it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct End {
    pub(crate) host: String,
    pub(crate) port: u16,
    pub(crate) tls: bool,
}

impl End {
    /// Connects, with TLS from the first byte where the job is under TLS.
    pub(crate) async fn connect(&self, dialer: &Dialer) -> Result<Stream, String> {
        let tls = if self.tls { TlsMode::Implicit } else { TlsMode::None };
        let endpoint = Endpoint::with_port(&self.host, self.port, tls);
        dialer.connect(&endpoint).await.map_err(|error| error.to_string())
    }
}

/// What a tool is to do: these mailboxes, from one server to the other.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Job {
    pub(crate) source: End,
    pub(crate) target: End,
    /// The authority that signed both servers' certificates.
    pub(crate) ca: PathBuf,
    /// The password of every account.
    pub(crate) password: String,
    /// The accounts of each mailbox: on the old server, on the new one.
    pub(crate) pairs: Vec<(String, String)>,
    /// How many mailboxes are moved at once; `None` leaves it to the tool, or to [`USUAL_AT_ONCE`].
    pub(crate) at_once: Option<usize>,
}

impl Job {
    /// Returns a dialler that trusts this authority and no other.
    pub(crate) fn dialer(&self) -> Result<Dialer, String> {
        let pem = fs::read(&self.ca).map_err(|e| format!("cannot read {}: {e}", self.ca.display()))?;
        Dialer::trusting(&pem).map_err(|error| error.to_string())
    }
}

/// Writes a value as JSON, for another process of this program.
pub(crate) fn write(path: &Path, value: &impl Serialize) -> Result<(), String> {
    let text = serde_json::to_vec_pretty(value).map_err(|e| e.to_string())?;
    fs::write(path, text).map_err(|e| format!("cannot write {}: {e}", path.display()))
}

/// Reads what another process has written with [`write()`].
pub(crate) fn read<T: DeserializeOwned>(path: &Path) -> Result<T, String> {
    let text = fs::read(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
    serde_json::from_slice(&text).map_err(|e| format!("{}: {e}", path.display()))
}
