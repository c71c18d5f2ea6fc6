//! What stands in a data directory, and what the names in one say about it.

/// The file whose lock says that a process uses the directory; it holds that process's id.
pub(super) const LOCK_FILE: &str = "lock";
/// The file that names the layout.
pub(super) const FORMAT_FILE: &str = "format";
/// The file that says which node this is; written before the format, so that every formatted directory has one.
pub const IDENTITY_FILE: &str = "node.json";
/// The key ring, unless the configuration puts it elsewhere.
pub const KEY_RING_FILE: &str = "keyring";
/// The control secret that the node made.
pub const CONTROL_SECRET_FILE: &str = "control.secret";
/// The folder of the write-ahead log.
pub const LOG_FOLDER: &str = "log";
/// The folder of the snapshots.
pub const SNAPSHOTS_FOLDER: &str = "snapshots";
/// The folder of the state's persistent copy.
pub const COPY_FOLDER: &str = "copy";
/// The file that counts the starts of the node.
pub const BOOT_FILE: &str = "boot";
/// The file that says where the control listener is bound.
pub const CONTROL_ADDRESS_FILE: &str = "control.address";
/// A snapshot on its way to whoever asked for it.
pub const EXPORT_FILE: &str = "export.snapshot";

/// What an operator or the file system may put there before the first use.
const BROUGHT: [&str; 3] = [KEY_RING_FILE, CONTROL_SECRET_FILE, "lost+found"];
/// What a node's first start makes once its identity and the format stand.
const MADE: [&str; 6] = [
    LOG_FOLDER,
    SNAPSHOTS_FOLDER,
    COPY_FOLDER,
    BOOT_FILE,
    CONTROL_ADDRESS_FILE,
    EXPORT_FILE,
];
/// Files that are written beside their place first, so that a crash may leave a draft.
pub(super) const DRAFTED: [&str; 6] = [
    FORMAT_FILE,
    IDENTITY_FILE,
    KEY_RING_FILE,
    CONTROL_SECRET_FILE,
    BOOT_FILE,
    CONTROL_ADDRESS_FILE,
];

/// What the names in a directory say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Holdings {
    /// Nothing of a node's: new, or what a first use left that was cut short before anything was made.
    Nothing,
    /// The traces of a node.
    Traces(Vec<String>),
    /// Something that is nobody's here.
    Foreign(String),
}

impl Holdings {
    /// Of a directory without a format, in which a key ring and a secret may have been brought.
    pub(super) fn unformatted(names: &[String]) -> Self {
        if let Some(foreign) = names.iter().find(|name| !is_ours(name)) {
            return Self::Foreign(foreign.clone());
        }
        Self::traces(names, |name| MADE.contains(&name))
    }

    /// Of a directory with a format and without an identity: whatever else is there belonged to a node.
    pub(super) fn unnamed(names: &[String]) -> Self {
        let leftover =
            |name: &str| [LOCK_FILE, FORMAT_FILE, "lost+found"].contains(&name) || is_draft(name);
        Self::traces(names, |name| !leftover(name))
    }

    fn traces(names: &[String], is_trace: impl Fn(&str) -> bool) -> Self {
        let mut found: Vec<String> = names
            .iter()
            .filter(|name| is_trace(name))
            .cloned()
            .collect();
        found.sort();
        if found.is_empty() {
            Self::Nothing
        } else {
            Self::Traces(found)
        }
    }
}

fn is_ours(name: &str) -> bool {
    [LOCK_FILE, IDENTITY_FILE].contains(&name)
        || BROUGHT.contains(&name)
        || MADE.contains(&name)
        || is_draft(name)
}

/// Whether a file is what a crash leaves of one that was being written.
fn is_draft(name: &str) -> bool {
    DRAFTED.iter().any(|of| {
        name.strip_prefix(of)
            .is_some_and(|rest| rest.starts_with('.') && rest.ends_with(".new"))
    })
}
