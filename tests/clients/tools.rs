//! Where the programs and libraries of others are.

use std::path::PathBuf;

/// Something below target/tools; fails the test by name when it is not there.
#[track_caller]
pub(crate) fn tool(name: &str) -> PathBuf {
    let tools = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/tools");
    let path = tools.join(name);
    assert!(
        path.exists(),
        "target/tools/{name} is missing: tests/tools/client-libraries and tests/tools/install chromedriver chromium put \
         it there, and tests/run runs both"
    );
    path
}

/// A file of this suite.
pub(crate) fn source(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(path)
}
