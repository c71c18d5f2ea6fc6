//! A receiver of notifications on loopback that behaves as a test wants it to.

use std::sync::Arc;
use std::time::Duration;

use actix_rt::net::TcpStream;
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What the sink does with a message.
#[derive(Clone, Debug)]
pub(super) enum Deed {
    /// Answers with a status.
    Answer(u16),
    /// Answers with a status after a while.
    AnswerAfter(Duration, u16),
    /// Answers 200, and never ends the body.
    AnswerWithoutEnd,
    /// Sends the receiver elsewhere.
    Redirect(String),
    /// Answers nothing and keeps the connection.
    Hang,
    /// Sends its head so slowly that it never ends.
    DripHead,
    /// Closes the connection.
    Close,
}

/// A message as it came.
#[derive(Clone, Debug)]
pub(super) struct Received {
    pub(super) head: String,
    pub(super) body: String,
}

impl Received {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }

    pub(super) fn field(&self, name: &str) -> String {
        let body: serde_json::Value = serde_json::from_str(&self.body).unwrap();
        body[name].as_str().unwrap().to_owned()
    }

    pub(super) fn id(&self) -> &str {
        self.header("webhook-id").unwrap()
    }
}

#[derive(Default)]
struct Notes {
    received: Vec<Received>,
    answering: usize,
    answering_max: usize,
}

pub(super) struct Sink {
    port: u16,
    notes: Arc<Mutex<Notes>>,
    deed: Arc<Mutex<Deed>>,
}

impl Sink {
    pub(super) async fn start(deed: Deed) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let sink = Self {
            port: listener.local_addr().unwrap().port(),
            notes: Arc::default(),
            deed: Arc::new(Mutex::new(deed)),
        };
        let (notes, deed) = (Arc::clone(&sink.notes), Arc::clone(&sink.deed));
        actix_rt::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                actix_rt::spawn(serve(stream, Arc::clone(&notes), Arc::clone(&deed)));
            }
        });
        sink
    }

    pub(super) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/hook", self.port)
    }

    pub(super) fn behave(&self, deed: Deed) {
        *self.deed.lock() = deed;
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.notes.lock().received.clone()
    }

    pub(super) fn count(&self) -> usize {
        self.notes.lock().received.len()
    }

    /// The most messages that were on their way at once.
    pub(super) fn at_once_max(&self) -> usize {
        self.notes.lock().answering_max
    }
}

async fn serve(mut stream: TcpStream, notes: Arc<Mutex<Notes>>, deed: Arc<Mutex<Deed>>) {
    while let Some(received) = read(&mut stream).await {
        let deed = deed.lock().clone();
        {
            let mut notes = notes.lock();
            notes.received.push(received);
            notes.answering += 1;
            notes.answering_max = notes.answering_max.max(notes.answering);
        }
        let goes_on = answer(&mut stream, deed).await;
        notes.lock().answering -= 1;
        if !goes_on {
            return;
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Received> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let received = Received {
                head: head.to_owned(),
                body: body.to_owned(),
            };
            let length: usize = received.header("content-length").unwrap().parse().unwrap();
            if body.len() == length {
                return Some(received);
            }
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    }
}

/// Answers, and says whether the connection goes on.
async fn answer(stream: &mut TcpStream, deed: Deed) -> bool {
    let text = match deed {
        Deed::Answer(204) => "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        Deed::Answer(status) => format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n"),
        Deed::AnswerAfter(time, status) => {
            tokio::time::sleep(time).await;
            format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\n\r\n")
        }
        Deed::AnswerWithoutEnd => {
            "HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\nbut".to_owned()
        }
        Deed::Redirect(to) => {
            format!("HTTP/1.1 302 Found\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n")
        }
        Deed::Hang => {
            gone(stream).await;
            return false;
        }
        Deed::DripHead => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n").await;
            while stream.write_all(b"x-drop: 1\r\n").await.is_ok() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            return false;
        }
        Deed::Close => return false,
    };
    stream.write_all(text.as_bytes()).await.is_ok()
}

/// Returns when the other side has closed.
async fn gone(stream: &mut TcpStream) {
    let mut rest = [0; 64];
    while stream.read(&mut rest).await.is_ok_and(|count| count > 0) {}
}
