//! Leaves every folder to the next mapper.

use mailhaul_plugin::{FolderMapper, Mapping, MappingRequest, PluginError};

struct Nothing;

impl FolderMapper for Nothing {
    fn map_folders(_: &MappingRequest) -> Result<Mapping, PluginError> {
        Ok(Mapping::default())
    }
}

mailhaul_plugin::export!(mapper: Nothing);
