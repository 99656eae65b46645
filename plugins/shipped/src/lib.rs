//! The plugins mailhaul ships, as components: one for each folder beside this crate. The build script finds
//! and compiles them, so a plugin is added by adding its folder.

/// A component that is part of the binary, under the id that `mailhaul.toml` names it by.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// The manifest's `id`, and the name of the folder under `plugins/`.
    pub id: &'static str,
    /// A whole component, its manifest in a custom section, as `mailhaul plugin build` writes it.
    pub component: &'static [u8],
}

/// Every shipped plugin, sorted by id, each id once.
#[must_use]
pub fn plugins() -> &'static [Shipped] {
    PLUGINS
}

include!(concat!(env!("OUT_DIR"), "/plugins.rs"));

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use mailhaul_plugin_host::{Limits, PluginHost, ShippedPlugin};

    use super::*;

    #[test]
    fn every_folder_is_shipped_and_is_a_component() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let mut there: Vec<_> = names
            .filter(|path| path.join("plugin.toml").exists())
            .map(|path| path.file_name().unwrap().to_str().unwrap().to_owned())
            .collect();
        there.sort_unstable();
        let shipped: Vec<_> = plugins().iter().map(|plugin| plugin.id).collect();
        assert_eq!(shipped, there);
        assert!(shipped.contains(&"server-profiles"), "{shipped:?}");
        // A manifest that no run takes would be found out only where a project needs it.
        let components =
            plugins().iter().map(|plugin| ShippedPlugin { id: plugin.id, component: plugin.component });
        let host = PluginHost::new(Limits::default(), components).unwrap();
        let ids: Vec<_> = host.list().unwrap().into_iter().map(|plugin| plugin.id).collect();
        assert_eq!(ids, shipped);
    }
}
