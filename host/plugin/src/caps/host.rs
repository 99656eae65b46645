//! `host`: facts about mailhaul. Policy: nothing about the machine, the user or the project.

use crate::bindings::imports::mailhaul::plugin::host;
use crate::state::CallState;

/// Named behaviours plugins can ask for; `wit/host.wit` lists them.
const FEATURES: &[&str] = &["http", "retry-after"];

impl host::Host for CallState {
    fn version(&mut self) -> wasmtime::Result<String> {
        Ok(env!("CARGO_PKG_VERSION").to_owned())
    }

    fn has_feature(&mut self, name: String) -> wasmtime::Result<bool> {
        Ok(FEATURES.contains(&name.as_str()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caps::testing::store;
    use crate::inputs::Inputs;

    #[test]
    fn unknown_features_are_absent() {
        let mut store = store(Inputs::new());
        assert!(!host::Host::has_feature(store.data_mut(), "secrets.reveal".into()).unwrap());
        assert_eq!(host::Host::version(store.data_mut()).unwrap(), env!("CARGO_PKG_VERSION"));
    }
}
