#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at the first surprise"
)]

use std::cell::RefCell;
use std::net::{Ipv4Addr, Ipv6Addr};

use tokio::sync::oneshot;

use super::*;

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(test)
}

fn address(port: u16) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port).into()
}

fn refused<T>() -> io::Result<T> {
    Err(io::ErrorKind::ConnectionRefused.into())
}

#[test]
fn an_address_that_leads_nowhere_does_not_use_up_the_time_of_the_next() {
    let live = address(3);
    let connect = async |address| match address {
        _ if address == live => Ok(address),
        _ => std::future::pending().await,
    };
    let addresses = [address(1), address(2), live];
    let connected = run(async { first(&addresses, ATTEMPT_DELAY, connect).await });
    assert_eq!(connected.unwrap(), live);
}

#[test]
fn a_refused_address_is_followed_by_the_next_one() {
    let tried = RefCell::new(Vec::new());
    let connect = async |address: SocketAddr| {
        tried.borrow_mut().push(address.port());
        if address.port() < 3 {
            refused()
        } else {
            Ok(address)
        }
    };
    let addresses = [1, 2, 3, 4].map(address);
    let connected = run(async { first(&addresses, ATTEMPT_DELAY, connect).await });
    assert_eq!(connected.unwrap(), address(3));
    assert_eq!(*tried.borrow(), [1, 2, 3]);
    let refused = run(async { first(&addresses[..2], ATTEMPT_DELAY, connect).await });
    assert_eq!(
        refused.unwrap_err().kind(),
        io::ErrorKind::ConnectionRefused,
        "the last refusal is told"
    );
    let none = run(async { first(&[], ATTEMPT_DELAY, connect).await });
    assert_eq!(none.unwrap_err().kind(), io::ErrorKind::NotFound);
}

#[test]
fn what_this_node_lacks_is_told_only_where_no_address_says_more() {
    let lacking = |error: &io::Error| is_own_shortage(error);
    let connect = |refusing: u16| {
        move |address: SocketAddr| {
            let refuses = address.port() == refusing;
            async move {
                match refuses {
                    true => refused::<SocketAddr>(),
                    false => Err(rustix::io::Errno::ADDRNOTAVAIL.into()),
                }
            }
        }
    };
    for refusing in [1, 2] {
        let failed =
            run(async { first(&[1, 2].map(address), ATTEMPT_DELAY, connect(refusing)).await });
        assert!(!lacking(&failed.unwrap_err()), "{refusing} refused");
    }
    let failed = run(async { first(&[1, 2].map(address), ATTEMPT_DELAY, connect(3)).await });
    assert!(lacking(&failed.unwrap_err()));
}

#[test]
fn a_slow_address_is_not_given_up_for_the_next_one() {
    let slow = address(1);
    // It answers once the next address was tried, and not before.
    let (sender, tried) = oneshot::channel();
    let halves = RefCell::new((Some(sender), Some(tried)));
    let connect = async |address| {
        if address == slow {
            let tried = halves.borrow_mut().1.take();
            tried.unwrap().await.map_err(io::Error::other)?;
            return Ok(address);
        }
        let sender = halves.borrow_mut().0.take();
        sender.unwrap().send(()).unwrap();
        refused()
    };
    let connected = run(async { first(&[slow, address(2)], ATTEMPT_DELAY, connect).await });
    assert_eq!(connected.unwrap(), slow);
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
