//! Forward: one request to an upstream and its answer back, both directions at once.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Buf as _;
use raftgate_actors::snapshot::UpstreamTimeouts;

use super::answer_edits::AnswerEdits;
use super::head_time::HeadTime;
use super::pump::{Incoming, Pump, PumpError};
use super::timer::Timer;
use super::transport::Transport;
use super::waits::{Awaited, Wait, Waits};
use super::wire::body::BodyLength;
use super::wire::response_head::{self, Answer, AnswerFacts, ClientShape};
use super::worker::Worker;

/// What went wrong in an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// The client closed its connection.
    ClientGone,
    /// The client stopped sending its body.
    ClientTimeout,
    /// The client's body is malformed.
    ClientBody,
    /// The client's body is larger than allowed.
    BodyTooLarge,
    /// The upstream closed before any byte of an answer.
    UpstreamSilent,
    /// The upstream's answer is malformed or was cut off.
    UpstreamBroken,
    /// The upstream took too long.
    UpstreamTimeout,
    /// The time for the whole exchange is over, whoever was waited for.
    TotalTimeout,
}

/// How far the request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Upload {
    Running,
    Done,
    /// The upstream takes no more; it may still have answered.
    Failed,
}

/// The client's end of an exchange.
pub(super) struct ClientEnd<'a> {
    pub(super) client: &'a mut Incoming,
    /// What goes to the upstream; it begins with the request's head.
    pub(super) upload: &'a mut Pump,
    /// What comes back.
    pub(super) download: &'a mut Pump,
    pub(super) timer: &'a Timer,
}

/// How long an upstream is waited for.
pub(super) struct Patience<'a> {
    /// Each wait for itself.
    pub(super) timeouts: &'a UpstreamTimeouts,
    /// All waits until the head of the answer, those of other attempts included.
    pub(super) head_time: &'a mut HeadTime,
}

/// One exchange with one upstream connection.
pub(super) struct Exchange<'a> {
    worker: &'a Worker,
    client: &'a mut Incoming,
    upload: &'a mut Pump,
    download: &'a mut Pump,
    timer: &'a Timer,
    patience: Patience<'a>,
    shape: ClientShape,
    edits: Option<&'a AnswerEdits>,
    progress: Progress,
}

/// What has happened so far.
#[derive(Debug)]
struct Progress {
    upload: Upload,
    answer: Option<AnswerFacts>,
    // Some byte of an answer has arrived.
    answer_began: bool,
    waits: Waits,
}

impl<'a> Exchange<'a> {
    /// An exchange whose request stands in the upload pump.
    pub(super) fn new(
        worker: &'a Worker,
        end: ClientEnd<'a>,
        patience: Patience<'a>,
        shape: ClientShape,
        edits: Option<&'a AnswerEdits>,
    ) -> Self {
        let ClientEnd {
            client,
            upload,
            download,
            timer,
        } = end;
        if !upload.has_read_all() {
            patience.head_time.stand_still(timer);
        }
        let progress = Progress {
            upload: Upload::Running,
            answer: None,
            answer_began: false,
            waits: Waits::default(),
        };
        Self {
            worker,
            client,
            upload,
            download,
            timer,
            patience,
            shape,
            edits,
            progress,
        }
    }

    /// Runs to the end of the answer.
    pub(super) async fn run(&mut self, upstream: &mut Incoming) -> Result<AnswerFacts, Fault> {
        poll_fn(|cx| self.poll(cx, upstream)).await
    }

    /// The answer's head, once it has been written for the client: from then on nothing else can be answered.
    pub(super) const fn answer(&self) -> Option<&AnswerFacts> {
        self.progress.answer.as_ref()
    }

    /// Whether some byte of an answer has arrived.
    pub(super) const fn answer_began(&self) -> bool {
        self.progress.answer_began
    }

    /// Whether the whole request has gone out.
    pub(super) fn upload_is_done(&self) -> bool {
        self.progress.upload == Upload::Done
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
        upstream: &mut Incoming,
    ) -> Poll<Result<AnswerFacts, Fault>> {
        let mut scratch = self.worker.scratch.borrow_mut();
        self.poll_upload(cx, &mut scratch, &mut upstream.io)?;
        if let Poll::Ready(result) = self.poll_download(cx, &mut scratch, upstream) {
            return Poll::Ready(result);
        }
        self.watch_client(cx, &mut scratch)?;
        self.rearm();
        self.timer.poll(cx).map(|_| Err(self.timeout_fault()))
    }

    fn poll_upload(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        upstream: &mut Transport,
    ) -> Result<(), Fault> {
        if self.progress.upload != Upload::Running {
            return Ok(());
        }
        // An interim answer may wait here; the client sends its body only when it has it.
        if self.progress.answer.is_none()
            && self
                .download
                .poll_pending(cx, &mut self.client.io)?
                .is_pending()
        {
            return Ok(());
        }
        match self.upload.poll(cx, scratch, self.client, upstream) {
            Poll::Pending => {}
            Poll::Ready(Ok(())) => self.progress.upload = Upload::Done,
            Poll::Ready(Err(PumpError::Write)) => self.progress.upload = Upload::Failed,
            Poll::Ready(Err(PumpError::Read)) => return Err(Fault::ClientGone),
            Poll::Ready(Err(PumpError::TooLarge)) => return Err(Fault::BodyTooLarge),
            Poll::Ready(Err(PumpError::Body(super::wire::body::BadBody::Truncated))) => {
                return Err(Fault::ClientGone);
            }
            Poll::Ready(Err(PumpError::Body(_))) => return Err(Fault::ClientBody),
        }
        Ok(())
    }

    fn poll_download(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut [u8],
        upstream: &mut Incoming,
    ) -> Poll<Result<AnswerFacts, Fault>> {
        loop {
            if let Some(answer) = self.progress.answer {
                let moved = self
                    .download
                    .poll(cx, scratch, upstream, &mut self.client.io);
                return moved.map(|moved| match moved {
                    Ok(()) => Ok(answer),
                    Err(PumpError::Write) => Err(Fault::ClientGone),
                    Err(_) => Err(Fault::UpstreamBroken),
                });
            }
            // Interim answers go out as they come.
            if self
                .download
                .poll_pending(cx, &mut self.client.io)?
                .is_pending()
            {
                return Poll::Pending;
            }
            let silence = if self.progress.answer_began {
                Fault::UpstreamBroken
            } else {
                Fault::UpstreamSilent
            };
            let Ok(count) = std::task::ready!(upstream.io.poll_fill(cx, scratch)) else {
                return Poll::Ready(Err(silence));
            };
            if count == 0 {
                return Poll::Ready(Err(silence));
            }
            self.progress.answer_began = true;
            let input = scratch.get(..count).unwrap_or_default();
            if upstream.unread.is_empty() {
                let used = self.take_answer(cx, input)?;
                upstream
                    .unread
                    .extend_from_slice(input.get(used..).unwrap_or_default());
            } else {
                upstream.unread.extend_from_slice(input);
                let mut input = std::mem::take(&mut upstream.unread);
                let used = self.take_answer(cx, &input)?;
                input.advance(used);
                upstream.unread = input;
            }
        }
    }

    /// Takes heads, and of the body what has come with them; tells how much of the input it took.
    fn take_answer(&mut self, cx: &mut Context<'_>, input: &[u8]) -> Result<usize, Fault> {
        let mut used = 0_usize;
        loop {
            let rest = input.get(used..).unwrap_or_default();
            if rest.is_empty() {
                return Ok(used);
            }
            // A request that is not through yet leaves no clean boundary behind it.
            let keep_alive =
                self.shape.keep_alive && self.upload_is_done() && !self.worker.is_draining();
            let shape = ClientShape {
                keep_alive,
                ..self.shape
            };
            let answer =
                response_head::translate(rest, shape, self.edits, &mut self.download.pending)
                    .map_err(|_| Fault::UpstreamBroken)?;
            match answer {
                Answer::Partial => return Ok(used),
                Answer::Interim(count) => used = used.saturating_add(count),
                Answer::Final(facts) => {
                    self.progress.answer = Some(facts);
                    used = used.saturating_add(facts.head_bytes);
                    if facts.body == BodyLength::Chunked {
                        if facts.names_fields {
                            self.download
                                .bar_trailers(response_head::connection_lists(rest));
                        }
                        if let Some(edits) = self.edits {
                            self.download.bar_trailers(edits.replaced_names());
                        }
                    }
                    self.download.start_body(facts.body, facts.coding, u64::MAX);
                    let body = input.get(used..).unwrap_or_default();
                    let fed = self.download.feed(cx, body, &mut self.client.io);
                    return match fed {
                        Ok(count) => Ok(used.saturating_add(count)),
                        Err(PumpError::Write) => Err(Fault::ClientGone),
                        Err(_) => Err(Fault::UpstreamBroken),
                    };
                }
            }
        }
    }

    /// Notices a client that goes away while it waits, and keeps what it sends ahead.
    fn watch_client(&mut self, cx: &mut Context<'_>, scratch: &mut [u8]) -> Result<(), Fault> {
        if self.progress.upload == Upload::Done && self.client.poll_gone(cx, scratch).is_ready() {
            return Err(Fault::ClientGone);
        }
        Ok(())
    }

    /// Sets the deadline when something has moved since it was last set.
    fn rearm(&mut self) {
        let awaited = self.awaited();
        // An interim answer is no step towards the answer, and none of the client's.
        let progress = match awaited {
            Awaited::Request | Awaited::Room | Awaited::AnswerHead => self.upload.progress(),
            Awaited::InterimTaken => self.download.progress(),
            Awaited::Flow => {
                let both = self.upload.progress();
                both.saturating_add(self.download.progress())
            }
        };
        let Patience {
            timeouts,
            head_time,
        } = &mut self.patience;
        let time = match awaited {
            Awaited::Request | Awaited::InterimTaken => self.worker.settings.timeouts.idle,
            Awaited::AnswerHead => timeouts.head,
            Awaited::Room | Awaited::Flow => timeouts.idle,
        };
        let wait = Wait { awaited, progress };
        let Some(deadline) = self.progress.waits.begin(wait, time, self.timer) else {
            return;
        };
        match awaited {
            // An upstream that does not take the request uses up its own time.
            Awaited::AnswerHead | Awaited::Room => head_time.go_on(self.timer),
            Awaited::Request | Awaited::InterimTaken => head_time.stand_still(self.timer),
            Awaited::Flow => {}
        }
        self.timer.set_at(match awaited {
            Awaited::Flow => deadline,
            _ => head_time.bound(deadline),
        });
    }

    fn awaited(&self) -> Awaited {
        match (self.progress.answer, self.progress.upload) {
            (Some(_), _) => Awaited::Flow,
            (None, _) if self.download.is_blocked_on_write() => Awaited::InterimTaken,
            (None, Upload::Running) if self.upload.is_blocked_on_write() => Awaited::Room,
            (None, Upload::Running) => Awaited::Request,
            (None, Upload::Done | Upload::Failed) => Awaited::AnswerHead,
        }
    }

    fn timeout_fault(&self) -> Fault {
        if self.timer.cap_has_passed() {
            return Fault::TotalTimeout;
        }
        match self.awaited() {
            Awaited::Flow if self.download.is_blocked_on_write() => Fault::ClientGone,
            Awaited::InterimTaken => Fault::ClientGone,
            Awaited::Request => Fault::ClientTimeout,
            Awaited::Room | Awaited::AnswerHead | Awaited::Flow => Fault::UpstreamTimeout,
        }
    }
}

impl From<std::io::Error> for Fault {
    // Only writing interim answers to the client fails with a bare I/O error here.
    fn from(_: std::io::Error) -> Self {
        Self::ClientGone
    }
}
