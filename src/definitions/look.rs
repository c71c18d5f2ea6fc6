//! One look at the definitions folder: what stands there, and what has come of it so far.

use std::mem;

use super::ImportError;
use super::contents::{Contents, File};
use super::policy_files::Kept;
use super::report::{FolderError, FolderReport};

/// A file whose listen path was taken.
pub(super) struct Refused<'f> {
    pub(super) file: File<'f>,
    pub(super) reason: ImportError,
}

/// A look on its way.
pub(super) struct Look<'f> {
    /// What stands in the folder.
    pub(super) contents: &'f Contents,
    /// Files that wait, as another one has their definition.
    pub(super) displaced: Vec<File<'f>>,
    /// Files that wait for a listen path.
    pub(super) refused: Vec<Refused<'f>>,
    /// What stays of what files made before.
    pub(super) kept: Kept,
    /// What was done.
    pub(super) report: FolderReport,
}

impl<'f> Look<'f> {
    /// A look at these files, none of which was applied yet.
    pub(super) fn at(contents: &'f Contents) -> Self {
        Self {
            contents,
            displaced: Vec::new(),
            refused: Vec::new(),
            kept: Kept::of_files(contents.unread.iter().cloned()),
            report: FolderReport::default(),
        }
    }

    /// Notes a file that is wrong, unless no file can be applied: nothing goes that it made before.
    pub(super) fn note_wrong(
        &mut self,
        file: File<'f>,
        reason: ImportError,
    ) -> Result<(), FolderError> {
        self.kept.keep_all_of(file.path);
        self.report.fail(file.path, reason)
    }

    /// The files whose listen path was taken, to be applied once more; what they made before is kept no longer for that.
    pub(super) fn take_refused(&mut self) -> Vec<File<'f>> {
        let refused = mem::take(&mut self.refused);
        let files: Vec<_> = refused.into_iter().map(|refused| refused.file).collect();
        for file in &files {
            self.kept.judge_again(file.path);
        }
        files
    }

    /// Notes that what was refused stays so, and that what could not be read was not applied.
    pub(super) fn give_up(&mut self) -> Result<(), FolderError> {
        for refused in mem::take(&mut self.refused) {
            self.report.fail(refused.file.path, refused.reason)?;
        }
        let unread = self.contents.unread.len();
        self.report.failed = self.report.failed.saturating_add(unread);
        Ok(())
    }
}
