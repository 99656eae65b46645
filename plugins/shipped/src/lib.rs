//! The plugins mailhaul ships, as components. The build script compiles them.

/// One shipped plugin.
#[derive(Debug, Clone, Copy)]
pub struct Shipped {
    /// The manifest's `id`.
    pub id: &'static str,
    /// The component, manifest included.
    pub component: &'static [u8],
}

/// Every shipped plugin, sorted by id.
#[must_use]
pub fn plugins() -> &'static [Shipped] {
    PLUGINS
}

include!(concat!(env!("OUT_DIR"), "/plugins.rs"));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn none_is_missing_and_each_is_a_component() {
        let ids: Vec<_> = plugins().iter().map(|plugin| plugin.id).collect();
        assert_eq!(ids, ["counts", "csv", "roles", "server-profiles", "special-folders"]);
        for plugin in plugins() {
            // Version 13, layer 1: a component, not a core module.
            assert!(plugin.component.starts_with(b"\0asm\x0d\0\x01\0"), "{}", plugin.id);
        }
    }
}
