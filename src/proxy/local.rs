//! Requests to endpoints of our own: the body is read and bounded, the handler asked, its answer written.

use std::task::Poll;

use bytes::{Buf as _, Bytes};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::answer::{AnswerFrame, write_endpoint_answer};
use super::answer_edits::lines_of;
use super::connection::Connection;
use super::endpoint::{BodyFault, Endpoint, EndpointRequest};
use super::exchange::{After, Outcome, client_shape, finish_answer, refuse};
use super::refusal::Refusal;
use super::request::RequestView;
use super::wire::body::{BodyDecoder, BodyLength};
use super::worker::Worker;

/// Answers a request to one of our own endpoints.
pub(super) async fn answer(
    worker: &Worker,
    connection: &mut Connection,
    endpoint: Endpoint,
) -> Outcome {
    let style = match &endpoint {
        Endpoint::Hello | Endpoint::Ready => worker.settings.error_style,
        Endpoint::OAuth { api, .. } => api.error_style,
    };
    let serving = worker.serving();
    let request = match read_body(worker, connection).await {
        Ok(body) => endpoint_request(worker, connection, endpoint.clone(), body),
        Err(refusal) => Err(refusal),
    };
    let (response, refusal) = match (request, &endpoint) {
        (Ok(request), _) => {
            let answer =
                serving.map_or(&worker.parts.starting, |serving| &serving.endpoints.answer);
            (answer(request).await, None)
        }
        (Err(refusal), Endpoint::OAuth { api, endpoint })
            if let (Some(fault), Some(serving)) = (body_fault(refusal), serving) =>
        {
            let refuse_body = &serving.endpoints.refuse_body;
            (refuse_body(api, *endpoint, fault), Some(refusal))
        }
        (Err(refusal), _) => return refuse(worker, connection, refusal, style).await,
    };
    let shape = client_shape(worker, connection);
    let persists = shape.keep_alive && refusal.is_none();
    let frame = AnswerFrame {
        request_id: &connection.request_id,
        minor_version: shape.minor_version,
        is_head: shape.is_head,
        persists,
        lines: lines_of(connection.edits.as_deref()),
    };
    write_endpoint_answer(worker, &response, frame, &mut connection.download.pending);
    let after = match (refusal, persists) {
        (Some(_), _) => After::Linger,
        (None, true) => After::KeepAlive,
        (None, false) => After::Close,
    };
    let outcome = Outcome {
        after,
        status: response.status.as_u16(),
        refusal,
        note: response.note,
    };
    finish_answer(worker, connection, outcome).await
}

/// What an OAuth endpoint is told of a body that could not be taken, so that its own table of errors words the answer.
const fn body_fault(refusal: Refusal) -> Option<BodyFault> {
    match refusal {
        Refusal::BodyTooLarge => Some(BodyFault::TooLarge),
        Refusal::MalformedBody => Some(BodyFault::Malformed),
        Refusal::ClientTimeout => Some(BodyFault::Timeout),
        _ => None,
    }
}

async fn read_body(worker: &Worker, connection: &mut Connection) -> Result<Bytes, Refusal> {
    let facts = *connection.head.facts();
    let bytes_max = worker.settings.limits.endpoint_body_bytes_max;
    if let BodyLength::Sized(bytes) = facts.body
        && usize::try_from(bytes).map_or(true, |bytes| bytes > bytes_max)
    {
        return Err(Refusal::BodyTooLarge);
    }
    let mut decoder = BodyDecoder::new(facts.body);
    let mut body = Vec::new();
    let mut trailers = Vec::new();
    let Connection {
        client,
        download,
        timer,
        ..
    } = connection;
    if facts.expects_continue && !decoder.is_done() && client.unread.is_empty() {
        download
            .pending
            .extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
    }
    loop {
        while !decoder.is_done() && !client.unread.is_empty() {
            let decoded = decoder
                .decode(&client.unread, &mut trailers)
                .map_err(|_| Refusal::MalformedBody)?;
            let consumed = decoded.consumed;
            body.extend_from_slice(decoded.data);
            client.unread.advance(consumed);
            if body.len() > bytes_max {
                return Err(Refusal::BodyTooLarge);
            }
        }
        if decoder.is_done() {
            return Ok(body.into());
        }
        timer.set(worker.settings.timeouts.idle);
        let read = timer.limit(|cx| {
            if download.poll_pending(cx, &mut client.io)?.is_pending() {
                return Poll::Pending;
            }
            client.poll_more(cx, &mut worker.scratch.borrow_mut())
        });
        match read.await {
            Ok(Ok(1..)) => {}
            Ok(_) => return Err(Refusal::ClientGone),
            Err(_) => return Err(Refusal::ClientTimeout),
        }
    }
}

fn endpoint_request(
    worker: &Worker,
    connection: &Connection,
    endpoint: Endpoint,
    body: Bytes,
) -> Result<EndpointRequest, Refusal> {
    let head = &connection.head;
    let view = RequestView::new(head, &connection.peer, connection.request_id.as_bytes());
    let mut headers = HeaderMap::new();
    for (_, name, value) in head.fields() {
        let name = HeaderName::from_bytes(name).map_err(|_| Refusal::MalformedHead)?;
        let value = HeaderValue::from_bytes(value).map_err(|_| Refusal::MalformedHead)?;
        headers.append(name, value);
    }
    Ok(EndpointRequest {
        endpoint,
        method: Method::from_bytes(head.method()).map_err(|_| Refusal::MalformedHead)?,
        path: head.path().to_owned(),
        query: head.query().map(str::to_owned),
        headers,
        body,
        peer: connection.peer.address(),
        client_ip: view.client_ip(&worker.settings.trusted_proxies),
        request_id: connection.request_id.as_str().to_owned(),
    })
}
