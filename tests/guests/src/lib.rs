//! Plugins that misbehave as their setting `act` says; [`Guest`] names them all.

#[cfg(not(target_family = "wasm"))]
mod bomb;
mod guest;
mod mapper;
mod source;

#[cfg(not(target_family = "wasm"))]
pub use bomb::compile_bomb;
pub use guest::Guest;

use mailhaul_plugin::PluginError;

/// Name of a folder: a mapper misbehaves for mailboxes that have it and for no others, which must not notice.
pub const VICTIM: &str = "Misbehave";

/// The table `[plugins.settings.hostile]` of the project file.
#[derive(serde::Deserialize)]
struct Settings {
    act: String,
    panel: String,
    elsewhere: String,
}

fn settings() -> Result<Settings, PluginError> {
    mailhaul_plugin::settings()
}

/// Returns the guest that the setting `act` names; `None` for one that behaves.
fn guest(settings: &Settings) -> Option<Guest> {
    Guest::ALL.iter().copied().find(|guest| guest.word() == settings.act)
}

mailhaul_plugin::export!(mapper: mapper::Hostile, source: source::Hostile);
