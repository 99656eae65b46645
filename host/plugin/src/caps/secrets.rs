//! `secrets`: handles for passwords and tokens.
//!
//! Policy: the guest can name a handle and give it back. There is no function that returns a value, so
//! none can be asked for. By name it opens what this call was granted and nothing else; where a
//! secret may be sent is decided when it was granted, and a log-in is one of those places.

use std::fmt;

use mailhaul_imap::Secret;
use wasmtime::component::Resource;

use crate::bindings::imports::mailhaul::plugin::{secrets, types::PluginError};
use crate::grants::Recipient;
use crate::limits::CODE;
use crate::state::CallState;
use crate::text;

/// The secret behind a guest's handle; `Debug` shows its label only.
#[expect(unreachable_pub, reason = "the generated bindings re-export it")]
pub struct SecretHandle {
    pub(crate) label: String,
    pub(crate) value: Secret,
    /// Who may be sent it; nobody, when empty.
    pub(crate) to: Vec<Recipient>,
}

impl fmt::Debug for SecretHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretHandle({})", self.label)
    }
}

impl secrets::Host for CallState {
    fn open(&mut self, name: String) -> wasmtime::Result<Result<Resource<SecretHandle>, PluginError>> {
        let Some(granted) = self.grants.secrets.get(&name).cloned() else {
            let name = text::shown(&name, CODE);
            return Ok(Err(PluginError::Denied(format!("the secret `{name}` was not granted to this call"))));
        };
        self.hand_out(SecretHandle { label: name, value: granted.value, to: vec![granted.to] }).map(Ok)
    }
}

impl secrets::HostSecret for CallState {
    fn label(&mut self, secret: Resource<SecretHandle>) -> wasmtime::Result<String> {
        Ok(self.handles.get(&secret)?.label.clone())
    }

    fn drop(&mut self, secret: Resource<SecretHandle>) -> wasmtime::Result<()> {
        self.handles.delete(secret)?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call_failure::ExceededLimit;
    use crate::caps::testing::store;
    use crate::inputs::Inputs;
    use crate::limits::HANDLES;

    fn handle() -> SecretHandle {
        SecretHandle {
            label: "m.csv:2 source_password".into(),
            value: Secret::from(b"canary".to_vec()),
            to: Vec::new(),
        }
    }

    #[test]
    fn a_handle_says_where_it_came_from_and_nothing_else() {
        let mut store = store(Inputs::new());
        let state = store.data_mut();
        let secret = state.hand_out(handle()).unwrap();
        let label = secrets::HostSecret::label(state, Resource::new_borrow(secret.rep())).unwrap();
        assert_eq!(label, "m.csv:2 source_password");
        assert!(!format!("{:?}", handle()).contains("canary"));
        assert!(secrets::HostSecret::label(state, Resource::new_borrow(4711)).is_err(), "not its own");
    }

    #[test]
    fn what_was_not_granted_is_not_opened() {
        let mut store = store(Inputs::new());
        let Err(PluginError::Denied(why)) = secrets::Host::open(store.data_mut(), "to\nken".into()).unwrap()
        else {
            panic!("opened")
        };
        assert_eq!(why, "the secret `to\\nken` was not granted to this call");
    }

    #[test]
    fn handles_run_out() {
        let mut store = store(Inputs::new());
        let state = store.data_mut();
        let error = (0..=HANDLES).find_map(|_| state.hand_out(handle()).err()).unwrap();
        assert!(matches!(error.downcast_ref(), Some(ExceededLimit::Handles)), "{error}");
    }
}
