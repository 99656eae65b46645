//! `settings`: the plugin's own settings. Policy: its own only, checked against its schema before any
//! of its code runs.

use crate::bindings::imports::mailhaul::plugin::settings;
use crate::state::CallState;

impl settings::Host for CallState {
    fn json(&mut self) -> wasmtime::Result<String> {
        Ok(self.settings.as_ref().to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caps::testing::store;
    use crate::inputs::Inputs;

    #[test]
    fn a_guest_reads_what_was_set_for_this_call() {
        let mut store = store(Inputs::new());
        assert_eq!(settings::Host::json(store.data_mut()).unwrap(), "{}");
    }
}
