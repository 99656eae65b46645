//! Secrets a plugin was granted: it can hand them on and never see them.

use std::fmt;

use crate::{PluginError, bindings::imports::mailhaul::plugin::secrets, wire};

/// A password or token the plugin may hand on but never see.
pub struct Secret(pub(crate) Handle);

pub(crate) enum Handle {
    Host(secrets::Secret),
    /// Made by [`crate::testing`].
    Test(String),
}

impl Secret {
    /// Where it came from, safe to print: `mailboxes.csv:42 source_password`.
    #[must_use]
    pub fn label(&self) -> String {
        match &self.0 {
            Handle::Host(secret) => secret.label(),
            Handle::Test(label) => label.clone(),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({})", self.label())
    }
}

/// Opens the secret the manifest asks for by this name (`[[needs.secret]]`). It goes where its `to` says: to
/// an origin, or with `to = "source"` or `"target"` into [`Auth::Secret`](crate::Auth::Secret) of an account
/// on that side.
///
/// # Errors
/// [`PluginError::Denied`] when the manifest does not ask for it, or it was not granted or has no value.
pub fn open(name: &str) -> Result<Secret, PluginError> {
    wire::secret_open(name).map(Secret)
}
