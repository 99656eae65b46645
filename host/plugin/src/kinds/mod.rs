//! The engine's traits, implemented by components. Every answer is checked here before the engine sees it.

pub(crate) mod convert;
pub(crate) mod folder_mapper;
pub(crate) mod mailbox_provisioner;
pub(crate) mod mailbox_source;
pub(crate) mod password_policy;
pub(crate) mod server_profile;
pub(crate) mod validator;
