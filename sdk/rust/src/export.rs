//! From an author's type to the exports of a component.

use std::marker::PhantomData;

use crate::bindings::imports::mailhaul::plugin::{evidence, secrets, types};
use crate::bindings::mapping::exports::mailhaul::plugin::folder_mapper as mapper;
use crate::bindings::profiling::exports::mailhaul::plugin::server_profile as profile;
use crate::bindings::provisioning::exports::mailhaul::plugin::mailbox_provisioner as provisioner;
use crate::bindings::sourcing::exports::mailhaul::plugin::mailbox_source as source;
use crate::bindings::validating::exports::mailhaul::plugin::validator;
use crate::secrets::{Handle, Secret};
use crate::wire::{HostInputs, HostView, Own, Wire};
use crate::{FolderMapper, MailboxProvisioner, MailboxSource, ServerProfile, Validator};

/// Exports a plugin: `export!(mapper: MyMapper)`, `export!(source: MySource)`,
/// `export!(validator: MyValidator)`, `export!(profile: MyProfile)`, `export!(provisioner: MyProvisioner)`,
/// or several of them with commas between. Use it once in a crate.
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
    (profile: $plugin:ty) => {
        const _: () = {
            type Exported = $crate::__export::Profiler<$plugin>;
            const _: fn() = Exported::checked;
            #[cfg(target_family = "wasm")]
            $crate::__export::profiling::export_profiling!(
                Exported with_types_in $crate::__export::profiling
            );
        };
    };
    (provisioner: $plugin:ty) => {
        const _: () = {
            type Exported = $crate::__export::Provisioner<$plugin>;
            const _: fn() = Exported::checked;
            #[cfg(target_family = "wasm")]
            $crate::__export::provisioning::export_provisioning!(
                Exported with_types_in $crate::__export::provisioning
            );
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
        crate::log::write(crate::log::Level::Error, &panic.to_string().replace(":\n", ": "), &[]);
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
        source: evidence::MailboxView,
        target: evidence::MailboxView,
    ) -> Result<validator::Report, types::PluginError> {
        report_panics();
        T::validate(&request.own(), &HostView(source), &HostView(target)).map(Wire::wire).map_err(Wire::wire)
    }
}

/// A [`ServerProfile`] as the generated trait wants it.
pub struct Profiler<T>(PhantomData<T>);

impl<T: ServerProfile> Profiler<T> {
    /// Named so that a type without the trait does not compile, natively too.
    pub fn checked() {}
}

impl<T: ServerProfile> profile::Guest for Profiler<T> {
    fn identify(request: profile::ProfileRequest) -> Result<Option<profile::Profile>, types::PluginError> {
        report_panics();
        T::identify(&request.own()).map(|profile| profile.map(Wire::wire)).map_err(Wire::wire)
    }

    fn classify(refusal: profile::Refusal) -> Result<Option<profile::Classification>, types::PluginError> {
        report_panics();
        T::classify(&refusal.own()).map(|meaning| meaning.map(Wire::wire)).map_err(Wire::wire)
    }
}

/// A [`MailboxProvisioner`] as the generated trait wants it.
pub struct Provisioner<T>(PhantomData<T>);

impl<T: MailboxProvisioner> Provisioner<T> {
    /// Named so that a type without the trait does not compile, natively too.
    pub fn checked() {}
}

impl<T: MailboxProvisioner> provisioner::Guest for Provisioner<T> {
    fn list_mailboxes(
        request: provisioner::ListRequest,
    ) -> Result<provisioner::ListPage, types::PluginError> {
        report_panics();
        T::list_mailboxes(&request.own()).map(Wire::wire).map_err(Wire::wire)
    }

    fn create_mailbox(
        request: provisioner::NewMailbox,
        password: secrets::Secret,
    ) -> Result<provisioner::Creation, types::PluginError> {
        report_panics();
        let password = Secret(Handle::Host(password));
        T::create_mailbox(&request.own(), &password).map(Wire::wire).map_err(Wire::wire)
    }

    fn set_quota(login: String, quota: u64) -> Result<(), types::PluginError> {
        report_panics();
        T::set_quota(&login, quota).map_err(Wire::wire)
    }
}
