//! Commands that are turned away, given up, or left behind when consensus stops.

use super::*;

#[tokio::test(start_paused = true)]
async fn without_a_leader_a_command_fails_in_time_and_was_not_proposed() {
    let mut bench = Bench::start();
    bench.readiness.send(Readiness::Waiting).unwrap();
    let started = tokio::time::Instant::now();
    let proposal = bench.propose(Lane::Sweep, delete("x"), Duration::from_secs(5));
    assert_eq!(proposal.await.unwrap(), Err(ProposeError::NoQuorum));
    assert!(started.elapsed() < Duration::from_millis(5200));
    bench.readiness.send(Readiness::Ready).unwrap();
    let _other = bench.delete("other");
    assert_eq!(names(&bench.next().await), ["other"]);
}

#[tokio::test(start_paused = true)]
async fn a_command_on_its_way_ends_as_unknown() {
    let mut bench = Bench::start();
    let first = bench.propose(Lane::Sweep, delete("x"), Duration::from_secs(5));
    let one = bench.next().await;
    assert_eq!(first.await.unwrap(), Err(ProposeError::Timeout));
    one.answer.send(Outcome::NotLeader).unwrap();
    let _other = bench.delete("other");
    let next = bench.next().await;
    assert_eq!(names(&next), ["x"], "it is settled before anything new");
}

#[tokio::test]
async fn a_command_whose_caller_has_gone_is_not_proposed() {
    let mut bench = Bench::start();
    bench.readiness.send(Readiness::Waiting).unwrap();
    let gone = bench.delete("gone");
    bench.until_waiting(1).await;
    gone.abort();
    assert!(gone.await.unwrap_err().is_cancelled());
    let _stays = bench.delete("stays");
    bench.until_waiting(2).await;
    bench.readiness.send(Readiness::Ready).unwrap();
    assert_eq!(names(&bench.next().await), ["stays"]);
}

#[tokio::test]
async fn a_full_queue_and_a_large_command_are_turned_away_at_once() {
    let bench = Bench::start();
    bench.readiness.send(Readiness::Waiting).unwrap();
    let _waiting: Vec<_> = (0..4096).map(|_| bench.delete("x")).collect();
    bench.until_waiting(4096).await;
    let refused = bench.delete("y").await.unwrap();
    assert_eq!(refused, Err(ProposeError::QueueFull));
    let large = Command::PutPolicy(raftgate_model::command::PutPolicy {
        id: PolicyId::new("large").unwrap(),
        org: OrgId::default(),
        document: "x".repeat(5 << 20).into(),
        source: None,
    });
    let refused = bench.propose(Lane::Administration, large, LONG);
    assert!(matches!(
        refused.await.unwrap(),
        Err(ProposeError::TooLarge { .. })
    ));
}

#[tokio::test]
async fn a_full_disk_turns_commands_away() {
    let bench = Bench::start();
    bench.readiness.send(Readiness::Full).unwrap();
    let refused = bench.delete("x").await.unwrap();
    assert_eq!(refused, Err(ProposeError::StorageFull));
}

fn large() -> Command {
    Command::PutPolicy(raftgate_model::command::PutPolicy {
        id: PolicyId::new("large").unwrap(),
        document: "x".repeat(1 << 20).into(),
        source: None,
        org: OrgId::default(),
    })
}

#[tokio::test]
async fn what_is_too_large_for_the_rest_of_a_disk_is_turned_away_alone() {
    let mut bench = Bench::start();
    bench.room.store(64 << 10, Ordering::Relaxed);
    let refused = bench.propose(Lane::Administration, large(), LONG);
    assert_eq!(refused.await.unwrap(), Err(ProposeError::StorageFull));
    let small = bench.delete("small");
    let submitted = bench.next().await;
    bench.land(submitted);
    assert_eq!(small.await.unwrap(), stored(1));
}

#[tokio::test]
async fn batches_on_their_way_count_as_long_as_they_may_not_be_in_the_log() {
    let mut bench = Bench::start();
    bench.room.store(3 << 19, Ordering::Relaxed);
    let first = bench.propose(Lane::Administration, large(), LONG);
    let submitted = bench.next().await;
    let second = bench.propose(Lane::Administration, large(), LONG);
    bench.until_waiting(0).await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(bench.submitted.try_recv().is_err(), "there is room for one");

    // The first is in the log now, and what is left is too little for the second.
    bench.room.store(1 << 19, Ordering::Relaxed);
    bench.land(submitted);
    assert!(first.await.unwrap().is_ok());
    assert_eq!(second.await.unwrap(), Err(ProposeError::StorageFull));
}

/// A bench whose log has one large command on its way and no room for the second, which was formed and never proposed.
async fn held_up(timeout: Duration) -> (Bench, Submitted, [JoinHandle<ProposeResult>; 2]) {
    let mut bench = Bench::start();
    bench.room.store(3 << 19, Ordering::Relaxed);
    let first = bench.propose(Lane::Administration, large(), LONG);
    let submitted = bench.next().await;
    let second = bench.propose(Lane::Administration, large(), timeout);
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    bench.until_waiting(0).await;
    (bench, submitted, [first, second])
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_room_in_vain_hears_that_it_was_the_disk() {
    let timeout = Duration::from_secs(5);
    let (bench, _submitted, [_first, second]) = held_up(timeout).await;
    let behind = bench.propose(Lane::Administration, delete("behind"), timeout);
    for proposal in [second, behind] {
        assert_eq!(proposal.await.unwrap(), Err(ProposeError::StorageFull));
    }

    let bench = Bench::start();
    bench.readiness.send(Readiness::NoRoomYet).unwrap();
    let alone = bench.propose(Lane::Administration, delete("alone"), timeout);
    assert_eq!(alone.await.unwrap(), Err(ProposeError::StorageFull));
}

#[tokio::test(start_paused = true)]
async fn who_waited_for_a_leader_in_vain_hears_that_whatever_the_disk_had() {
    let timeout = Duration::from_secs(5);
    let (bench, _submitted, [_first, second]) = held_up(timeout).await;
    bench.readiness.send(Readiness::Waiting).unwrap();
    assert_eq!(second.await.unwrap(), Err(ProposeError::NoQuorum));
}

#[tokio::test]
async fn what_was_never_proposed_is_known_not_to_have_run_when_consensus_stops() {
    let (_bench, submitted, [first, second]) = held_up(LONG).await;
    submitted.answer.send(Outcome::Stopped).unwrap();
    assert_eq!(first.await.unwrap(), Err(ProposeError::Timeout));
    assert_eq!(second.await.unwrap(), Err(ProposeError::ShuttingDown));
}

#[tokio::test]
async fn what_ended_consensus_did_not_take_is_known_not_to_have_run() {
    let mut bench = Bench::start();
    bench.submitted.close();
    let refused = bench.delete("late").await.unwrap();
    assert_eq!(refused, Err(ProposeError::ShuttingDown));
    bench.batcher.await.unwrap();

    // Taken once already, before the leadership went: that time it may have come through.
    let mut bench = Bench::start();
    let first = bench.delete("first");
    let submitted = bench.next().await;
    bench.submitted.close();
    submitted.answer.send(Outcome::NotLeader).unwrap();
    assert_eq!(first.await.unwrap(), Err(ProposeError::Timeout));
    bench.batcher.await.unwrap();
}

#[tokio::test]
async fn when_consensus_stops_everybody_is_told() {
    let mut bench = Bench::start();
    let first = bench.delete("first");
    let one = bench.next().await;
    let second = bench.delete("second");
    let _two = bench.next().await;
    let third = bench.delete("third");
    bench.until_waiting(1).await;
    one.answer.send(Outcome::Stopped).unwrap();
    assert_eq!(first.await.unwrap(), Err(ProposeError::Timeout));
    assert_eq!(second.await.unwrap(), Err(ProposeError::Timeout));
    assert_eq!(third.await.unwrap(), Err(ProposeError::ShuttingDown));
    bench.batcher.await.unwrap();
}
