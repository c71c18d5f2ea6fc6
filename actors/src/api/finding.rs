//! One check of one target: the request, and what it says about the target.

use std::net::SocketAddr;
use std::slice;
use std::time::Duration;

use awc::Client;
use awc::error::{ConnectError, SendRequestError};
use raftgate_model::api::Target;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::connect::{ATTEMPT_DELAY, alternating, first};
use crate::own_shortage::is_own_shortage;

/// What one check found out about its target.
#[derive(Debug)]
pub(super) enum Finding {
    /// It answers as it should.
    Well,
    /// It does not.
    Unwell(Unwell),
    /// Nothing: what failed was this node.
    Nothing(Unasked),
}

/// What is wrong with a target.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unwell {
    /// Another status than 2xx and 3xx.
    #[error("it answered {0}")]
    Status(u16),
    /// No connection, or no answer over it.
    #[error("{0}")]
    Unreachable(SendRequestError),
    /// No answer in time.
    #[error("it took too long")]
    Late,
}

/// Why a target was not asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unasked {
    /// There is no address to ask at.
    #[error("its name does not resolve")]
    NoAddress,
    /// This node could not make the request, or not send it.
    #[error("this node cannot ask: {0}")]
    Unable(SendRequestError),
}

/// Asks a target for a path at the first address that can be connected to; 2xx and 3xx are good answers.
///
/// Finding that address takes a connection of its own, and so no time of the answer's: both together take twice `patience` at
/// most, and where nothing can be connected to or nobody answers, hardly more than once.
pub(super) async fn ask(
    client: &Client,
    target: &Target,
    path: &str,
    patience: Duration,
    addresses: &[SocketAddr],
) -> Finding {
    let late = |_| Finding::Unwell(Unwell::Late);
    let reached = match timeout(patience, reached(addresses, patience)).await {
        Ok(reached) => reached,
        Err(elapsed) => return late(elapsed),
    };
    let addresses = reached.as_ref().map_or(addresses, slice::from_ref);
    let asking = first_answer(client, target, path, addresses);
    timeout(patience, asking).await.unwrap_or_else(late)
}

/// Which of several addresses takes a connection first: one that leads nowhere uses up no other's share of the time.
async fn reached(addresses: &[SocketAddr], time: Duration) -> Option<SocketAddr> {
    if addresses.len() < 2 {
        return None;
    }
    let shares = u32::try_from(addresses.len()).unwrap_or(u32::MAX);
    let delay = (time / shares.saturating_add(1)).min(ATTEMPT_DELAY);
    let addresses = alternating(addresses);
    let connected = first(&addresses, delay, |address| async move {
        TcpStream::connect(address).await.map(|_| address)
    });
    connected.await.ok()
}

async fn first_answer(
    client: &Client,
    target: &Target,
    path: &str,
    addresses: &[SocketAddr],
) -> Finding {
    let url = format!("{}{path}", target.origin());
    let mut finding = Finding::Nothing(Unasked::NoAddress);
    for address in addresses {
        let request = client
            .get(&url)
            .address(*address)
            .insert_header(("host", target.host_header()))
            .insert_header((
                "user-agent",
                concat!("raftgate/", env!("CARGO_PKG_VERSION")),
            ))
            .force_close();
        let error = match request.send().await {
            Ok(answer) => {
                return match answer.status().as_u16() {
                    200..=399 => Finding::Well,
                    status => Finding::Unwell(Unwell::Status(status)),
                };
            }
            Err(error) => error,
        };
        let may_be_elsewhere = matches!(error, SendRequestError::Connect(_));
        finding = match (is_ours(&error), finding) {
            // What one address said of the target is not unsaid by what another one cannot say.
            (true, unwell @ Finding::Unwell(_)) => unwell,
            (true, _) => Finding::Nothing(Unasked::Unable(error)),
            (false, _) => Finding::Unwell(Unwell::Unreachable(error)),
        };
        if !may_be_elsewhere {
            break;
        }
    }
    finding
}

/// Whether a request failed by this node, and so says nothing about its target.
fn is_ours(error: &SendRequestError) -> bool {
    match error {
        // It could not even be made.
        SendRequestError::Url(_) | SendRequestError::Http(_) => true,
        SendRequestError::Connect(ConnectError::Io(error)) | SendRequestError::Send(error) => {
            is_own_shortage(error)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use std::io;

    use raftgate_model::api::ApiSpec;
    use rustix::io::Errno;
    use serde_json::json;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpSocket};

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    async fn asked(path: &str, addresses: &[SocketAddr]) -> Finding {
        asked_within(PATIENCE, path, addresses).await
    }

    async fn asked_within(patience: Duration, path: &str, addresses: &[SocketAddr]) -> Finding {
        let target = Target::parse("http://target.test/").unwrap();
        ask(&Client::default(), &target, path, patience, addresses).await
    }

    /// A target that answers after so long.
    async fn answering(after: Duration) -> SocketAddr {
        let target = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = target.local_addr().unwrap();
        actix::spawn(async move {
            while let Ok((mut stream, _)) = target.accept().await {
                let mut head = [0; 1024];
                if stream.read(&mut head).await.is_ok_and(|bytes| bytes > 0) {
                    tokio::time::sleep(after).await;
                    let answer = b"HTTP/1.1 204 x\r\n\r\n";
                    let _ = stream.write_all(answer).await;
                }
            }
        });
        address
    }

    /// Nobody listens there.
    async fn nowhere() -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap()
    }

    #[actix::test]
    async fn a_request_that_cannot_be_made_says_nothing_about_its_target() {
        for path in ["/<up>", "/up?x=<1>", "/a b"] {
            let finding = asked(path, &[nowhere().await]).await;
            assert!(
                matches!(finding, Finding::Nothing(Unasked::Unable(_))),
                "{path}: {finding:?}"
            );
        }
        let finding = asked("/up", &[nowhere().await]).await;
        assert!(
            matches!(finding, Finding::Unwell(Unwell::Unreachable(_))),
            "{finding:?}"
        );
        let finding = asked("/up", &[]).await;
        assert!(
            matches!(finding, Finding::Nothing(Unasked::NoAddress)),
            "{finding:?}"
        );
    }

    /// A listener whose backlog is full: what connects to it waits.
    async fn full_listener(address: SocketAddr) -> (TcpListener, Vec<TcpStream>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(address).unwrap();
        let listener = socket.listen(1).unwrap();
        let mut waiting = Vec::new();
        let patience = Duration::from_millis(300);
        while let Ok(connected) = tokio::time::timeout(patience, TcpStream::connect(address)).await
        {
            waiting.push(connected.unwrap());
        }
        (listener, waiting)
    }

    #[actix::test]
    async fn an_address_that_leads_nowhere_uses_up_no_time_of_the_others() {
        let well = answering(Duration::ZERO).await;
        let full = SocketAddr::from(([127, 99, 7, 2], well.port()));
        let _full = full_listener(full).await;
        let finding = asked("/up", &[full, well]).await;
        assert!(matches!(finding, Finding::Well), "{finding:?}");
    }

    #[actix::test]
    async fn finding_an_address_takes_no_time_of_the_answers() {
        let patience = Duration::from_secs(3);
        let well = answering(patience * 3 / 4).await;
        let full = SocketAddr::from(([127, 99, 7, 3], well.port()));
        let _full = full_listener(full).await;
        // Each of the first ones has a head start, half of the time in all.
        let addresses = [[full; 6].as_slice(), &[well]].concat();
        let finding = asked_within(patience, "/up", &addresses).await;
        assert!(matches!(finding, Finding::Well), "{finding:?}");
    }

    #[test]
    fn what_this_node_lacks_is_told_from_what_a_target_does() {
        let connect = |number: Errno| SendRequestError::Connect(io::Error::from(number).into());
        for number in [
            Errno::MFILE,
            Errno::NFILE,
            Errno::NOBUFS,
            Errno::ADDRNOTAVAIL,
        ] {
            assert!(is_ours(&connect(number)), "{number}");
            assert!(is_ours(&SendRequestError::Send(number.into())), "{number}");
        }
        for number in [Errno::CONNREFUSED, Errno::CONNRESET, Errno::HOSTUNREACH] {
            assert!(!is_ours(&connect(number)), "{number}");
            assert!(!is_ours(&SendRequestError::Send(number.into())), "{number}");
        }
        assert!(!is_ours(&SendRequestError::Timeout));
        assert!(!is_ours(&SendRequestError::Connect(ConnectError::Timeout)));
    }

    #[actix::test]
    async fn whatever_is_read_as_a_path_can_be_asked_for() {
        let client = Client::default();
        let mut read = 0;
        for mark in (0_u8..=0x7f).map(char::from) {
            for path in [format!("/a{mark}b"), format!("/a?b{mark}c")] {
                let definition = json!({
                    "api_id": "a", "name": "a", "active": true, "use_keyless": true,
                    "proxy": {"listen_path": "/a/", "target_url": "http://up/"},
                    "raftgate": {"health_check": {"path": path}},
                });
                if ApiSpec::from_text(&definition.to_string()).is_ok() {
                    let request = client.get(format!("http://up:80{path}"));
                    let asked = request.get_uri().path_and_query().unwrap();
                    assert_eq!(asked.as_str(), path);
                    read += 1;
                }
            }
        }
        assert!(read > 2 * 62, "letters and digits at least: {read}");
    }
}
