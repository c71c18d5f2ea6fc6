#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::net::{TcpListener, TcpSocket};

use super::*;

/// Less than the time after which the system asks a silent peer a second time would come to many times over.
const PATIENCE: Duration = Duration::from_secs(5);

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test)
}

fn here() -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0))
}

/// An address that answers nothing, as long as what comes with it is held: a listener whose queue is full.
async fn black_hole() -> (SocketAddr, TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind(here()).unwrap();
    let listener = socket.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut queued = Vec::new();
    while let Ok(stream) = timeout(ATTEMPT_DELAY, TcpStream::connect(address)).await {
        queued.push(stream.unwrap());
        assert!(queued.len() < 16, "the queue is never full");
    }
    (address, listener, queued)
}

/// An address that refuses connections.
async fn closed() -> SocketAddr {
    let listener = TcpListener::bind(here()).await.unwrap();
    listener.local_addr().unwrap()
}

#[test]
fn an_address_that_leads_nowhere_does_not_use_up_the_time_of_the_next() {
    run(async {
        let (dead, _listener, _queued) = black_hole().await;
        let live = TcpListener::bind(here()).await.unwrap();
        let live_address = live.local_addr().unwrap();
        let addresses = [dead, dead, live_address];
        let connected = timeout(PATIENCE, connect(&addresses)).await;
        let stream = connected.unwrap().unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live_address);
    });
}

#[test]
fn a_refused_address_is_followed_by_the_next_one_at_once() {
    run(async {
        let live = TcpListener::bind(here()).await.unwrap();
        let live_address = live.local_addr().unwrap();
        let stream = connect(&[closed().await, live_address]).await.unwrap();
        assert_eq!(stream.peer_addr().unwrap(), live_address);
        let error = connect(&[closed().await, closed().await]).await;
        assert_eq!(
            error.unwrap_err().kind(),
            io::ErrorKind::ConnectionRefused,
            "the last refusal is told"
        );
    });
}

#[test]
fn a_slow_address_is_not_given_up_for_the_next_one() {
    run(async {
        let (dead, listener, queued) = black_hole().await;
        let connecting = tokio::spawn(async move { connect(&[dead, closed().await]).await });
        // Room again: the system's next try of the first address gets through.
        drop(queued);
        let accepting = tokio::spawn(async move {
            loop {
                listener.accept().await.unwrap();
            }
        });
        let connected = timeout(4 * PATIENCE, connecting).await.unwrap().unwrap();
        assert_eq!(connected.unwrap().peer_addr().unwrap(), dead);
        accepting.abort();
    });
}

#[test]
fn families_take_turns_and_the_systems_first_choice_goes_first() {
    let v4 = |last| SocketAddr::from((Ipv4Addr::new(192, 0, 2, last), 0));
    let v6 = |last| SocketAddr::from((Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last), 0));
    assert_eq!(
        alternating(&[v6(1), v6(2), v6(3), v4(1)]),
        [v6(1), v4(1), v6(2), v6(3)]
    );
    assert_eq!(alternating(&[v4(1), v6(1), v6(2)]), [v4(1), v6(1), v6(2)]);
    assert_eq!(alternating(&[]), []);
}
