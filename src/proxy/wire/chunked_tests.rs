#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use proptest::prelude::*;

use super::*;

/// Decodes `input` in pieces that end at `cuts`; gives the data, the trailers and what was left over.
fn decode(input: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, Vec<u8>, usize), BadChunk> {
    let mut decoder = ChunkedDecoder::default();
    let mut data = Vec::new();
    let mut start = 0;
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut % (input.len() + 1)).collect();
    ends.sort_unstable();
    ends.push(input.len());
    for end in ends {
        while start < end {
            let decoded = decoder.decode(input.get(start..end).unwrap())?;
            data.extend_from_slice(decoded.data);
            start += decoded.consumed;
            if decoded.consumed == 0 {
                break;
            }
        }
    }
    assert!(decoder.is_done(), "the body has ended");
    Ok((data, decoder.trailers().to_vec(), input.len() - start))
}

#[test]
fn chunks_come_out_as_data() {
    let input = b"3\r\nabc\r\n0A;x=y\r\n0123456789\r\n0\r\n\r\nGET";
    assert_eq!(
        decode(input, &[]),
        Ok((b"abc0123456789".to_vec(), Vec::new(), 3))
    );
}

#[test]
fn trailers_lose_what_concerns_framing_and_one_hop() {
    let input =
        b"0\r\nX-Sum: 1\r\nContent-Length: 5\r\nTransfer-Encoding: x\r\nHost: h\r\nX-B:2\r\n\r\n";
    let (_, trailers, left) = decode(input, &[]).unwrap();
    assert_eq!(
        (trailers.as_slice(), left),
        (b"X-Sum: 1\r\nX-B: 2\r\n".as_slice(), 0)
    );
}

#[test]
fn what_readers_understand_differently_is_refused() {
    for (input, bad) in [
        ("\r\n", BadChunk::Size),
        (" 3\r\nabc\r\n", BadChunk::Size),
        ("3 \r\nabc\r\n", BadChunk::Size),
        ("0x3\r\nabc\r\n", BadChunk::Size),
        ("+3\r\nabc\r\n", BadChunk::Size),
        ("-1\r\n", BadChunk::Size),
        ("g\r\n", BadChunk::Size),
        ("00000000000000003\r\nabc\r\n", BadChunk::Size),
        ("3\nabc\r\n", BadChunk::Size),
        ("3\rabc\r\n", BadChunk::LineEnd),
        ("3\r\nabcd\r\n", BadChunk::LineEnd),
        ("3\r\nabc\n0\r\n\r\n", BadChunk::LineEnd),
        ("3;x\ny\r\nabc\r\n", BadChunk::Extension),
        ("3;\u{1}\r\nabc\r\n", BadChunk::Extension),
        ("0\r\nX: y\n\r\n", BadChunk::LineEnd),
        ("0\r\nX : y\r\n\r\n", BadChunk::Trailer),
        ("0\r\n folded\r\n\r\n", BadChunk::Trailer),
    ] {
        let result = decode(input.as_bytes(), &[]);
        assert_eq!(result, Err(bad), "{input:?}");
    }
}

#[test]
fn lines_around_chunks_are_bounded() {
    let long = "x".repeat(EXTENSION_BYTES_MAX + 1);
    assert_eq!(
        decode(format!("1;{long}\r\na").as_bytes(), &[]),
        Err(BadChunk::Extension)
    );
    let long = "x".repeat(TRAILER_BYTES_MAX);
    assert_eq!(
        decode(format!("0\r\nX: {long}").as_bytes(), &[]),
        Err(BadChunk::Trailer)
    );
    let many = "X: y\r\n".repeat(TRAILER_FIELDS_MAX + 1);
    assert_eq!(
        decode(format!("0\r\n{many}\r\n").as_bytes(), &[]),
        Err(BadChunk::Trailer)
    );
}

proptest! {
    #[test]
    fn the_way_the_input_is_cut_makes_no_difference(
        chunks in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..40), 0..6),
        cuts in proptest::collection::vec(any::<usize>(), 0..12),
        rest in proptest::collection::vec(any::<u8>(), 0..9),
    ) {
        let mut input = Vec::new();
        for chunk in &chunks {
            input.extend_from_slice(format!("{:X}\r\n", chunk.len()).as_bytes());
            input.extend_from_slice(chunk);
            input.extend_from_slice(b"\r\n");
        }
        input.extend_from_slice(b"0\r\nX-T: v\r\n\r\n");
        input.extend_from_slice(&rest);
        let (data, trailers, left) = decode(&input, &cuts).unwrap();
        prop_assert_eq!(data, chunks.concat());
        prop_assert_eq!(trailers, b"X-T: v\r\n".to_vec());
        prop_assert_eq!(left, rest.len());
    }

    #[test]
    fn no_input_upsets_the_decoder(input in proptest::collection::vec(any::<u8>(), 0..200)) {
        let mut decoder = ChunkedDecoder::default();
        let _ = decoder.decode(&input);
    }
}
