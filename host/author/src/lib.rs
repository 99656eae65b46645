//! For authors of plugins: writes a new plugin's folder and builds the one file mailhaul loads.
//!
//! - [`scaffold`]: `mailhaul plugin new`
//! - [`Folder`]: a plugin's folder, as `build`, `check` and `test` find it
//! - [`build`]: from the folder to a component
//! - [`trial`]: fixtures, `mailhaul plugin test`, `call` and `record`
//!
//! What a new folder holds is carried in this crate (`carried`), so that authors need neither this
//! repository nor a registry.

mod build;
mod carried;
mod error;
mod folder;
mod language;
mod scaffold;
pub mod trial;

pub use build::{Built, build};
pub use error::AuthorError;
pub use folder::Folder;
pub use language::Language;
pub use scaffold::{Scaffold, scaffold};
