//! How the run over one folder ended.

/// How a folder ended while both connections live.
#[derive(Debug, Default)]
pub(crate) struct FolderEnd {
    /// Messages copied now.
    pub messages: u64,
    /// Bytes of these.
    pub bytes: u64,
    /// The target is out of room.
    pub over_quota: Option<String>,
    /// The target asked for patience.
    pub throttled: bool,
    /// The user stopped it.
    pub interrupted: bool,
    /// Differences that were found: copies that went from the target, or that are there twice.
    pub differences: usize,
}
