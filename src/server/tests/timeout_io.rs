//! The stream below hyper, in memory and with paused time.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};
use tokio::time::{Instant, timeout};

use super::super::options::ConnectionLimits;
use super::super::progress::{ConnectionProgress, Phase};
use super::super::timeout_io::TimeoutStream;
use super::assert_elapsed;

/// The client's end, the server's end, and the server's progress.
fn connected() -> (DuplexStream, TimeoutStream<DuplexStream>, Arc<ConnectionProgress>) {
    let (client, stream) = duplex(1024);
    let progress = Arc::new(ConnectionProgress::default());
    let stream = TimeoutStream::new(stream, Arc::clone(&progress), &ConnectionLimits::default());
    (client, stream, progress)
}

#[tokio::test(start_paused = true)]
async fn reading_fails_at_the_limit_of_the_phase() {
    let limits = ConnectionLimits::default();
    let (_client, mut stream, progress) = connected();
    let started = Instant::now();
    assert_eq!(stream.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_elapsed(started.elapsed(), limits.header_timeout);

    for phase in [Phase::Handling, Phase::Multiplexed] {
        progress.set_phase(phase);
        let read = timeout(Duration::from_secs(3600), stream.read_u8());
        assert!(read.await.is_err(), "{phase:?} has no limit for reading");
    }
}

#[tokio::test(start_paused = true)]
async fn the_phase_follows_what_is_read_and_flushed() {
    let limits = ConnectionLimits::default();
    let (mut client, mut stream, progress) = connected();
    client.write_all(b"G").await.unwrap();
    stream.read_u8().await.unwrap();
    assert_eq!(progress.phase(), Phase::ReadingHead);

    progress.set_phase(Phase::Sending);
    stream.write_all(b"response").await.unwrap();
    stream.flush().await.unwrap();
    assert_eq!((progress.phase(), progress.bytes_written()), (Phase::Idle, 8));
    let started = Instant::now();
    assert_eq!(stream.read_u8().await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    assert_elapsed(started.elapsed(), limits.idle_timeout);
}

#[tokio::test(start_paused = true)]
async fn writing_fails_if_the_client_reads_too_little() {
    let (_client, mut stream, _) = connected();
    let started = Instant::now();
    let error = stream.write_all(&[0; 2048]).await.unwrap_err();
    assert_eq!(error.to_string(), "the client reads too slowly");
    assert_elapsed(started.elapsed(), ConnectionLimits::default().write_timeout);
}

#[tokio::test(start_paused = true)]
async fn detecting_the_protocol_loses_no_input() {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    for (input, is_http2) in [(PREFACE, true), (b"PRI * HTTP/1.1\r\n\r\n", false), (b"GET / HTTP/1.1", false)]
    {
        let (mut client, mut stream, _) = connected();
        // Byte by byte: the preface may arrive in parts.
        let sender = tokio::spawn(async move {
            for byte in input {
                client.write_all(&[*byte]).await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        assert_eq!(stream.begins_with_http2_preface().await.unwrap(), is_http2);
        let mut received = Vec::new();
        stream.read_to_end(&mut received).await.unwrap();
        assert_eq!(received, input);
        sender.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_last_byte_input_is_dropped_for_up_to_a_second() {
    let (_client, mut stream, _) = connected();
    let started = Instant::now();
    stream.shutdown().await.unwrap();
    assert_elapsed(started.elapsed(), Duration::from_secs(1));

    let (client, mut stream, _) = connected();
    drop(client);
    let started = Instant::now();
    stream.shutdown().await.unwrap();
    assert_elapsed(started.elapsed(), Duration::ZERO);

    let (mut client, mut stream, _) = connected();
    let sender = tokio::spawn(async move { client.write_all(&vec![0; 4 * 1024 * 1024]).await });
    let started = Instant::now();
    stream.shutdown().await.unwrap();
    assert_elapsed(started.elapsed(), Duration::ZERO);
    drop(stream);
    assert!(sender.await.unwrap().is_err(), "input is not read without a limit");
}
