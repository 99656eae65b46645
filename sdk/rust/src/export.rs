//! From an author's type to the exports of a component.

use std::marker::PhantomData;

use crate::bindings::imports::mailhaul::plugin::{evidence, types};
use crate::bindings::mapping::exports::mailhaul::plugin::folder_mapper as mapper;
use crate::bindings::sourcing::exports::mailhaul::plugin::mailbox_source as source;
use crate::bindings::validating::exports::mailhaul::plugin::validator;
use crate::wire::{HostInputs, HostView, Own, Wire};
use crate::{FolderMapper, MailboxSource, Validator};

/// Exports a plugin: `export!(mapper: MyMapper)`, `export!(source: MySource)`,
/// `export!(validator: MyValidator)`, or several of them with commas between. Use it once in a crate.
///
/// Natively it only checks that the types implement their traits, so that tests link like any other's.
#[macro_export]
macro_rules! export {
    ($($kind:ident: $plugin:ty),+ $(,)?) => {
        $($crate::__export_kind!($kind: $plugin);)+
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __export_kind {
    (mapper: $plugin:ty) => {
        const _: () = {
            type Exported = $crate::__export::Mapper<$plugin>;
            const _: fn() = Exported::checked;
            #[cfg(target_family = "wasm")]
    $crate::__export::mapping::export_mapping!(Exported with_types_in $crate::__export::mapping);
        };
    };
    (source: $plugin:ty) => {
        const _: () = {
            type Exported = $crate::__export::Source<$plugin>;
            const _: fn() = Exported::checked;
            #[cfg(target_family = "wasm")]
    $crate::__export::sourcing::export_sourcing!(Exported with_types_in $crate::__export::sourcing);
        };
    };
    (validator: $plugin:ty) => {
        const _: () = {
            type Exported = $crate::__export::Validation<$plugin>;
            const _: fn() = Exported::checked;
            #[cfg(target_family = "wasm")]
            $crate::__export::validating::export_validating!(
                Exported with_types_in $crate::__export::validating
            );
        };
    };
}

/// Sends a panic's place and text to the host's log; the host shows the last line of a crashed call.
fn report_panics() {
    #[cfg(target_family = "wasm")]
    std::panic::set_hook(Box::new(|panic| {
        crate::log::write(crate::log::Level::Error, &panic.to_string(), &[]);
    }));
}

/// A [`FolderMapper`] as the generated trait wants it.
pub struct Mapper<T>(PhantomData<T>);

impl<T: FolderMapper> Mapper<T> {
    /// Named so that a type without the trait does not compile, natively too.
    pub fn checked() {}
}

impl<T: FolderMapper> mapper::Guest for Mapper<T> {
    fn map_folders(request: mapper::MappingRequest) -> Result<mapper::Mapping, types::PluginError> {
        report_panics();
        T::map_folders(&request.own()).map(Wire::wire).map_err(Wire::wire)
    }
}

/// A [`MailboxSource`] as the generated trait wants it.
pub struct Source<T>(PhantomData<T>);

impl<T: MailboxSource> Source<T> {
    /// Named so that a type without the trait does not compile, natively too.
    pub fn checked() {}
}

impl<T: MailboxSource> source::Guest for Source<T> {
    fn list_mailboxes(request: source::PageRequest) -> Result<source::Page, types::PluginError> {
        report_panics();
        T::list_mailboxes(&HostInputs, &request.own()).map(Wire::wire).map_err(Wire::wire)
    }
}

/// A [`Validator`] as the generated trait wants it.
pub struct Validation<T>(PhantomData<T>);

impl<T: Validator> Validation<T> {
    /// Named so that a type without the trait does not compile, natively too.
    pub fn checked() {}
}

impl<T: Validator> validator::Guest for Validation<T> {
    fn validate(
        request: validator::ValidationRequest,
        source: &evidence::MailboxView,
        target: &evidence::MailboxView,
    ) -> Result<validator::Report, types::PluginError> {
        report_panics();
        T::validate(&request.own(), &HostView(source), &HostView(target)).map(Wire::wire).map_err(Wire::wire)
    }
}
