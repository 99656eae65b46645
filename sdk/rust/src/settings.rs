//! The operator's settings for this plugin.

use serde::de::DeserializeOwned;

use crate::{PluginError, wire};

/// `[plugins.settings.<id>]` of the project file. Types and defaults of the manifest's schema were
/// applied by the host already, so a plain `#[derive(Deserialize)]` struct fits.
///
/// # Errors
/// [`PluginError::Settings`] when `T` and the manifest's schema disagree.
pub fn settings<T: DeserializeOwned>() -> Result<T, PluginError> {
    serde_json::from_str(&wire::settings_json()).map_err(|error| {
        PluginError::Settings(format!(
            "the plugin reads its settings as something else than its manifest's `[settings]` says: {error}"
        ))
    })
}
