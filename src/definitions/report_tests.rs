#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking where it went wrong"
)]

use std::sync::Arc;

use parking_lot::Mutex;

use super::*;

#[test]
fn a_store_that_takes_no_writes_ends_the_look_and_a_wrong_file_does_not() {
    let path = SourcePath("a.json".into());
    let mut report = FolderReport::default();
    let too_large = ProposeError::TooLarge {
        bytes: 2,
        bytes_max: 1,
    };
    for reason in [
        ImportError::Kind("not a definition"),
        ImportError::Propose(too_large),
    ] {
        assert!(report.fail(&path, reason).is_ok());
    }
    assert_eq!(report.failed, 2);
    for error in [
        ProposeError::NoQuorum,
        ProposeError::Timeout,
        ProposeError::StorageFull,
    ] {
        let ended = report.fail(&path, ImportError::Propose(error.clone()));
        let Err(FolderError::NoWrites(told)) = ended else {
            unreachable!("the look goes on after {error}");
        };
        assert_eq!(told, error);
    }
    assert_eq!(report.failed, 2);
}

/// What is logged.
#[derive(Clone, Default)]
pub(in crate::definitions) struct Lines(Arc<Mutex<Vec<u8>>>);

impl io::Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Takes what this thread logs.
    pub(in crate::definitions) fn take_in(&self) -> tracing::subscriber::DefaultGuard {
        let writer = self.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::set_default(subscriber)
    }

    /// What was logged so far.
    pub(in crate::definitions) fn text(&self) -> String {
        String::from_utf8(self.0.lock().clone()).unwrap()
    }
}

/// Everything that is logged while something runs.
fn log_of(run: impl FnOnce()) -> String {
    let lines = Lines::default();
    let guard = lines.take_in();
    run();
    drop(guard);
    lines.text()
}

#[test]
fn only_what_is_late_comes_by_itself_and_what_is_stored_keeps_its_warnings() {
    let path = SourcePath("a.json".into());
    let late = NotInForce::Late;
    for (reason, counted) in [(late, (1, 0)), (NotInForce::Stopped, (0, 1))] {
        let mut report = FolderReport::default();
        let stored = ImportError::NotInForce {
            reason,
            warnings: vec!["enable_jsvm: has no effect".to_owned()],
        };
        let log = log_of(|| assert!(report.fail(&path, stored).is_ok()));
        assert_eq!((report.late, report.failed), counted);
        // No later look says them: the file counts as applied.
        assert!(log.contains("enable_jsvm: has no effect"), "{log}");
    }
}
