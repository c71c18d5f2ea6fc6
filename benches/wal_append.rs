//! Synced appends per second of the write-ahead log, beside what the disk itself can do in the same run.
//!
//! `cargo bench -p raftgate-storage --bench wal_append`; the folder is `target/tmp/wal_append`, so that the disk is the
//! one of the working copy and not memory.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stdout,
    reason = "a measurement reads the clock and prints its table"
)]

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

use bytes::Bytes;
use raftgate_storage::disk::{Disk, FsDisk};
use raftgate_storage::wal::{Durability, OpenMode, Wal, WalConfig, WalId, wait_for};

type Outcome<T> = Result<T, Box<dyn Error>>;

const ENTRY_BYTES: usize = 300;
const RAW_FILE_BYTES: u64 = 64 << 20;
/// Entries between two purges, which keep the log small.
const PURGE_EVERY: u64 = 100_000;

fn main() -> Outcome<()> {
    // Without `--bench` this runs as a test: everything once, briefly.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    let time = Duration::from_millis(if measuring { 3000 } else { 20 });
    let folder = folder();
    println!("folder {}", folder.display());
    println!(
        "{:<34}{:>12}{:>10}{:>10}",
        "", "per second", "p50 us", "p99 us"
    );
    for bytes in [512, 32 << 10] {
        let figures = raw(&folder, bytes, time)?;
        figures.print(&format!("raw write and fdatasync, {bytes} B"));
    }
    for appenders in [1, 16, 128] {
        let (figures, frames) = appends(&folder, appenders, time)?;
        figures.print(&format!("wal appends, {appenders} at once"));
        println!("{:<34}{frames:>12.0}", "  frames");
    }
    let figures = raw(&folder, 512, time)?;
    figures.print("raw write and fdatasync, 512 B");
    std::fs::remove_dir_all(&folder)?;
    Ok(())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("wal_append")
}

struct Figures {
    latencies: Vec<Duration>,
    elapsed: Duration,
}

impl Figures {
    fn percentile(&self, share: f64) -> f64 {
        let mut sorted = self.latencies.clone();
        sorted.sort_unstable();
        let position = (sorted.len() as f64 * share) as usize;
        sorted
            .get(position)
            .map_or(0.0, |latency| latency.as_secs_f64() * 1e6)
    }

    fn print(&self, name: &str) {
        let rate = self.latencies.len() as f64 / self.elapsed.as_secs_f64();
        let (p50, p99) = (self.percentile(0.5), self.percentile(0.99));
        println!("{name:<34}{rate:>12.0}{p50:>10.0}{p99:>10.0}");
    }
}

/// Writes and syncs blocks one after another in a preallocated, zeroed file.
fn raw(folder: &Path, bytes: usize, time: Duration) -> Outcome<Figures> {
    let _ = std::fs::remove_dir_all(folder);
    let disk = FsDisk::open(folder)?;
    let file = disk.create("raw")?;
    file.preallocate(RAW_FILE_BYTES)?;
    for position in (0..RAW_FILE_BYTES).step_by(1 << 20) {
        file.write_at(&vec![0; 1 << 20], position)?;
    }
    file.fdatasync()?;
    let block = vec![0x5a; bytes];
    let mut latencies = Vec::new();
    let start = Instant::now();
    while start.elapsed() < time {
        let position = (latencies.len() * bytes) as u64 % RAW_FILE_BYTES;
        let before = Instant::now();
        file.write_at(&block, position)?;
        file.fdatasync()?;
        latencies.push(before.elapsed());
    }
    Ok(Figures {
        latencies,
        elapsed: start.elapsed(),
    })
}

/// Keeps so many synced appends under way from one thread, as the tasks of a runtime would.
fn appends(folder: &Path, appenders: usize, time: Duration) -> Outcome<(Figures, f64)> {
    let _ = std::fs::remove_dir_all(folder);
    let disk = Arc::new(FsDisk::open(folder)?);
    let mode = OpenMode::Create(WalId([1; 16]));
    let wal = Wal::open(disk, WalConfig::default(), mode, Arc::new(|_| ()))?;
    wal.settle()?;
    let payload = Bytes::from(vec![0xa5; ENTRY_BYTES]);
    let (sender, receiver) = sync_channel(appenders);
    let mut next = 1;
    let mut latencies = Vec::new();
    let frames_before = wal.status().frames;
    let start = Instant::now();
    for _ in 0..appenders {
        sender.send((Ok(()), start))?;
    }
    let mut running = appenders;
    while running > 0 {
        let (outcome, begun) = receiver.recv()?;
        outcome?;
        if begun != start {
            latencies.push(begun.elapsed());
        }
        if start.elapsed() >= time {
            running -= 1;
            continue;
        }
        let sender = sender.clone();
        let begun = Instant::now();
        wal.append(
            vec![(next, payload.clone())],
            Box::new(move |outcome| {
                // The channel holds as many as are under way.
                let _ = sender.send((outcome, begun));
            }),
        )?;
        next += 1;
        if next % PURGE_EVERY == 0 {
            wal.purge(next - PURGE_EVERY / 2, Bytes::new(), Durability::Lazy)?;
        }
    }
    let elapsed = start.elapsed();
    let frames = (wal.status().frames - frames_before) as f64 / elapsed.as_secs_f64();
    wait_for(|done| wal.flush(done))?;
    Ok((Figures { latencies, elapsed }, frames))
}
