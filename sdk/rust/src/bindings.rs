//! Bindings generated from `wit/`: the imports once, and one module for each kind that shares them.
//!
//! Everything is public to the export macros and to nobody else: authors see the types of this
//! crate's own modules, which have helpers and can be made in tests.
#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::allow_attributes_without_reason,
    clippy::missing_safety_doc,
    clippy::same_length_and_capacity,
    reason = "generated: the canonical ABI is raw pointers"
)]

/// Everything a plugin of any kind may call.
pub mod imports {
    wit_bindgen::generate!({
        path: "../../wit",
        inline: "
            package mailhaul:sdk;
            world imports {
                import mailhaul:plugin/types@0.1.0;
                import mailhaul:plugin/host@0.1.0;
                import mailhaul:plugin/log@0.1.0;
                import mailhaul:plugin/settings@0.1.0;
                import mailhaul:plugin/cancel@0.1.0;
                import mailhaul:plugin/secrets@0.1.0;
                import mailhaul:plugin/http@0.1.0;
                import mailhaul:plugin/accounts@0.1.0;
                import mailhaul:plugin/inputs@0.1.0;
                import mailhaul:plugin/evidence@0.1.0;
            }
        ",
        world: "mailhaul:sdk/imports",
        generate_all,
        // Only the kinds' own sections may name a world: this one would add its imports to all.
        pub_export_macro: true,
    });
}

/// Exports of a folder mapper.
pub mod mapping {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "mailhaul:plugin/mapping",
        pub_export_macro: true,
        export_macro_name: "export_mapping",
        default_bindings_module: "mailhaul_plugin::__export::mapping",
        with: {
            "mailhaul:plugin/types@0.1.0": super::imports::mailhaul::plugin::types,
            "mailhaul:plugin/host@0.1.0": super::imports::mailhaul::plugin::host,
            "mailhaul:plugin/log@0.1.0": super::imports::mailhaul::plugin::log,
            "mailhaul:plugin/settings@0.1.0": super::imports::mailhaul::plugin::settings,
        },
    });
}

/// Exports of a mailbox source.
pub mod sourcing {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "mailhaul:plugin/sourcing",
        pub_export_macro: true,
        export_macro_name: "export_sourcing",
        default_bindings_module: "mailhaul_plugin::__export::sourcing",
        with: {
            "mailhaul:plugin/types@0.1.0": super::imports::mailhaul::plugin::types,
            "mailhaul:plugin/host@0.1.0": super::imports::mailhaul::plugin::host,
            "mailhaul:plugin/log@0.1.0": super::imports::mailhaul::plugin::log,
            "mailhaul:plugin/settings@0.1.0": super::imports::mailhaul::plugin::settings,
            "mailhaul:plugin/cancel@0.1.0": super::imports::mailhaul::plugin::cancel,
            "mailhaul:plugin/secrets@0.1.0": super::imports::mailhaul::plugin::secrets,
            "mailhaul:plugin/http@0.1.0": super::imports::mailhaul::plugin::http,
            "mailhaul:plugin/accounts@0.1.0": super::imports::mailhaul::plugin::accounts,
            "mailhaul:plugin/inputs@0.1.0": super::imports::mailhaul::plugin::inputs,
        },
    });
}

/// Exports of a validator.
pub mod validating {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "mailhaul:plugin/validating",
        pub_export_macro: true,
        export_macro_name: "export_validating",
        default_bindings_module: "mailhaul_plugin::__export::validating",
        with: {
            "mailhaul:plugin/types@0.1.0": super::imports::mailhaul::plugin::types,
            "mailhaul:plugin/host@0.1.0": super::imports::mailhaul::plugin::host,
            "mailhaul:plugin/log@0.1.0": super::imports::mailhaul::plugin::log,
            "mailhaul:plugin/settings@0.1.0": super::imports::mailhaul::plugin::settings,
            "mailhaul:plugin/cancel@0.1.0": super::imports::mailhaul::plugin::cancel,
            "mailhaul:plugin/evidence@0.1.0": super::imports::mailhaul::plugin::evidence,
        },
    });
}

/// Exports of a server profile.
pub mod profiling {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "mailhaul:plugin/profiling",
        pub_export_macro: true,
        export_macro_name: "export_profiling",
        default_bindings_module: "mailhaul_plugin::__export::profiling",
        with: {
            "mailhaul:plugin/types@0.1.0": super::imports::mailhaul::plugin::types,
            "mailhaul:plugin/host@0.1.0": super::imports::mailhaul::plugin::host,
            "mailhaul:plugin/log@0.1.0": super::imports::mailhaul::plugin::log,
            "mailhaul:plugin/settings@0.1.0": super::imports::mailhaul::plugin::settings,
        },
    });
}

/// Exports of a mailbox provisioner.
pub mod provisioning {
    wit_bindgen::generate!({
        path: "../../wit",
        world: "mailhaul:plugin/provisioning",
        pub_export_macro: true,
        export_macro_name: "export_provisioning",
        default_bindings_module: "mailhaul_plugin::__export::provisioning",
        with: {
            "mailhaul:plugin/types@0.1.0": super::imports::mailhaul::plugin::types,
            "mailhaul:plugin/host@0.1.0": super::imports::mailhaul::plugin::host,
            "mailhaul:plugin/log@0.1.0": super::imports::mailhaul::plugin::log,
            "mailhaul:plugin/settings@0.1.0": super::imports::mailhaul::plugin::settings,
            "mailhaul:plugin/cancel@0.1.0": super::imports::mailhaul::plugin::cancel,
            "mailhaul:plugin/secrets@0.1.0": super::imports::mailhaul::plugin::secrets,
            "mailhaul:plugin/http@0.1.0": super::imports::mailhaul::plugin::http,
        },
    });
}
