//! Bindings generated from `wit/`: the imports once, and one module for each kind that shares them.
#![allow(
    missing_docs,
    unreachable_pub,
    unsafe_code,
    clippy::allow_attributes_without_reason,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "generated"
)]

pub(crate) mod imports {
    wasmtime::component::bindgen!({
        path: "../../wit",
        inline: "
            package mailhaul:host-side;
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
        world: "mailhaul:host-side/imports",
        imports: {
            "mailhaul:plugin/evidence@0.1.0": async | trappable,
            "mailhaul:plugin/http@0.1.0": async | trappable,
            default: trappable,
        },
        with: {
            "mailhaul:plugin/secrets.secret": crate::caps::secrets::SecretHandle,
            "mailhaul:plugin/http.response": crate::caps::http::ResponseHandle,
            "mailhaul:plugin/inputs.table": crate::caps::inputs::TableHandle,
            "mailhaul:plugin/inputs.file": crate::caps::inputs::FileHandle,
            "mailhaul:plugin/evidence.mailbox-view": crate::caps::evidence::ViewHandle,
        },
    });
}

pub(crate) mod mapping {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "mailhaul:plugin/mapping",
        exports: { default: async },
        with: {
            "mailhaul:plugin/types": crate::bindings::imports::mailhaul::plugin::types,
            "mailhaul:plugin/host": crate::bindings::imports::mailhaul::plugin::host,
            "mailhaul:plugin/log": crate::bindings::imports::mailhaul::plugin::log,
            "mailhaul:plugin/settings": crate::bindings::imports::mailhaul::plugin::settings,
        },
    });
}

pub(crate) mod sourcing {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "mailhaul:plugin/sourcing",
        exports: { default: async },
        with: {
            "mailhaul:plugin/types": crate::bindings::imports::mailhaul::plugin::types,
            "mailhaul:plugin/host": crate::bindings::imports::mailhaul::plugin::host,
            "mailhaul:plugin/log": crate::bindings::imports::mailhaul::plugin::log,
            "mailhaul:plugin/settings": crate::bindings::imports::mailhaul::plugin::settings,
            "mailhaul:plugin/cancel": crate::bindings::imports::mailhaul::plugin::cancel,
            "mailhaul:plugin/secrets": crate::bindings::imports::mailhaul::plugin::secrets,
            "mailhaul:plugin/http": crate::bindings::imports::mailhaul::plugin::http,
            "mailhaul:plugin/accounts": crate::bindings::imports::mailhaul::plugin::accounts,
            "mailhaul:plugin/inputs": crate::bindings::imports::mailhaul::plugin::inputs,
        },
    });
}

pub(crate) mod validating {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "mailhaul:plugin/validating",
        exports: { default: async },
        with: {
            "mailhaul:plugin/types": crate::bindings::imports::mailhaul::plugin::types,
            "mailhaul:plugin/host": crate::bindings::imports::mailhaul::plugin::host,
            "mailhaul:plugin/log": crate::bindings::imports::mailhaul::plugin::log,
            "mailhaul:plugin/settings": crate::bindings::imports::mailhaul::plugin::settings,
            "mailhaul:plugin/cancel": crate::bindings::imports::mailhaul::plugin::cancel,
            "mailhaul:plugin/evidence": crate::bindings::imports::mailhaul::plugin::evidence,
        },
    });
}

pub(crate) mod profiling {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "mailhaul:plugin/profiling",
        exports: { default: async },
        with: {
            "mailhaul:plugin/types": crate::bindings::imports::mailhaul::plugin::types,
            "mailhaul:plugin/host": crate::bindings::imports::mailhaul::plugin::host,
            "mailhaul:plugin/log": crate::bindings::imports::mailhaul::plugin::log,
            "mailhaul:plugin/settings": crate::bindings::imports::mailhaul::plugin::settings,
        },
    });
}

pub(crate) mod provisioning {
    wasmtime::component::bindgen!({
        path: "../../wit",
        world: "mailhaul:plugin/provisioning",
        exports: { default: async },
        with: {
            "mailhaul:plugin/types": crate::bindings::imports::mailhaul::plugin::types,
            "mailhaul:plugin/host": crate::bindings::imports::mailhaul::plugin::host,
            "mailhaul:plugin/log": crate::bindings::imports::mailhaul::plugin::log,
            "mailhaul:plugin/settings": crate::bindings::imports::mailhaul::plugin::settings,
            "mailhaul:plugin/cancel": crate::bindings::imports::mailhaul::plugin::cancel,
            "mailhaul:plugin/secrets": crate::bindings::imports::mailhaul::plugin::secrets,
            "mailhaul:plugin/http": crate::bindings::imports::mailhaul::plugin::http,
        },
    });
}
