//! What a project says: `mailhaul.toml`, the tables beside it, and the secrets it refers to.
//!
//! This crate reads and checks; it knows no sockets and no terminals, and depends on nothing else of
//! mailhaul. Every error names its file, its line, the cause and what to do, and several are reported
//! together ([`ProjectErrors`]). Secrets are [`Secret`]s from the moment they are recognised: nothing
//! here prints one, in an error or by `Debug`.
//!
//! - [`Project::load`] and [`find`]: the project file
//! - [`SecretRef`]: a password as a literal, or in the environment, a file, a command
//! - [`table::Table`]: a CSV list whose secret columns are secrets
//! - [`template::init`]: a new project

mod error;
mod find;
mod load;
mod model;
mod permissions;
mod schema;
mod secret;
mod section;
mod side;
mod size;
pub mod table;
pub mod template;

pub use error::{ProjectError, ProjectErrors, Warning};
pub use find::{PROJECT_FILE, find};
pub use load::Loaded;
pub use model::{
    AllowedHost, Auth, CaFile, Ignore, Input, Limits, Mailboxes, Order, PluginName, PluginRef,
    PluginSettings, Plugins, Project, Provider, RuleSpec, Select, Side, SideName, Since, SizeLimit, Tls,
};
pub use schema::TABLES;
pub use secret::{Secret, SecretOrigin, SecretRef};
