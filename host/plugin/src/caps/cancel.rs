//! `cancel`: whether the operator wants to stop. Policy: a flag, the same for every plugin.

use crate::bindings::imports::mailhaul::plugin::cancel;
use crate::state::CallState;

impl cancel::Host for CallState {
    fn requested(&mut self) -> wasmtime::Result<bool> {
        Ok(self.cancel.requested())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::caps::testing::store;
    use crate::inputs::Inputs;

    #[test]
    fn a_guest_sees_the_switch_and_cannot_turn_it() {
        let mut store = store(Inputs::new());
        assert!(!cancel::Host::requested(store.data_mut()).unwrap());
        store.data().cancel.request();
        assert!(cancel::Host::requested(store.data_mut()).unwrap());
    }
}
