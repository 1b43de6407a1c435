//! A link between a process and its dependency, in each condition.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use testkit::{Condition, Proxy, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(10);
/// Long enough for bytes on an open link.
const MOMENT: Duration = Duration::from_millis(150);

/// A client and a server that are connected through a link.
struct Line {
    proxy: Proxy,
    listener: TcpListener,
    client: TcpStream,
    server: TcpStream,
}

impl Line {
    async fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Proxy::start(listener.local_addr().unwrap()).await.unwrap();
        let mut client = TcpStream::connect(proxy.address()).await.unwrap();
        let mut server = accept(&listener).await;
        // The connection is complete only when bytes have passed.
        client.write_all(b"open").await.unwrap();
        assert_eq!(&receive(&mut server).await, b"open");
        Self {
            proxy,
            listener,
            client,
            server,
        }
    }

    async fn client_sends(&mut self, word: &[u8; 4]) {
        self.client.write_all(word).await.unwrap();
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let accepted = timeout(TIMEOUT, listener.accept()).await;
    accepted.expect("a connection").unwrap().0
}

async fn receive(stream: &mut TcpStream) -> [u8; 4] {
    let mut word = [0; 4];
    let received = timeout(TIMEOUT, stream.read_exact(&mut word)).await;
    received.expect("a word").unwrap();
    word
}

/// The end of a stream without further bytes.
async fn end(stream: &mut TcpStream) -> Result<usize, ErrorKind> {
    let read = timeout(TIMEOUT, stream.read(&mut [0; 4])).await;
    read.expect("an end").map_err(|error| error.kind())
}

async fn receives_nothing(stream: &mut TcpStream) -> bool {
    timeout(MOMENT, stream.read(&mut [0; 4])).await.is_err()
}

/// Whether a connection to this address is refused, or closed without any bytes.
async fn is_refused(address: SocketAddr) -> bool {
    match TcpStream::connect(address).await {
        Ok(mut stream) => matches!(end(&mut stream).await, Ok(0) | Err(_)),
        Err(_) => true,
    }
}

#[tokio::test]
async fn megabytes_pass_in_both_directions_and_each_direction_closes_separately() {
    let Line {
        client,
        mut server,
        proxy: _proxy,
        ..
    } = Line::new().await;
    let sent: Vec<u8> = (0..8_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let (mut reader, mut writer) = client.into_split();
    let sending = async {
        writer.write_all(&sent).await.unwrap();
        writer.shutdown().await.unwrap();
    };
    let echoing = async {
        let mut received = Vec::new();
        server.read_to_end(&mut received).await.unwrap();
        // The other direction is still open.
        server.write_all(&received).await.unwrap();
        server.shutdown().await.unwrap();
    };
    let reading = async {
        let mut answer = Vec::new();
        reader.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let all = async { tokio::join!(sending, echoing, reading) };
    let ((), (), answer) = timeout(TIMEOUT, all).await.expect("an echo");
    assert!(answer == sent, "{} bytes came back", answer.len());
}

#[tokio::test]
async fn a_reset_passes_in_both_directions() {
    let mut line = Line::new().await;
    line.server.set_zero_linger().unwrap();
    drop(line.server);
    assert_eq!(end(&mut line.client).await, Err(ErrorKind::ConnectionReset));

    let mut line = Line::new().await;
    line.client.set_zero_linger().unwrap();
    drop(line.client);
    assert_eq!(end(&mut line.server).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_cut_resets_connections_and_refuses_new_ones_until_it_ends() {
    let mut line = Line::new().await;
    assert_eq!(line.proxy.condition(), Condition::Open);
    line.proxy.set(Condition::Cut);
    assert_eq!(line.proxy.condition(), Condition::Cut);
    assert_eq!(end(&mut line.client).await, Err(ErrorKind::ConnectionReset));
    assert_eq!(end(&mut line.server).await, Err(ErrorKind::ConnectionReset));
    assert!(is_refused(line.proxy.address()).await);

    line.proxy.set(Condition::Open);
    line.client = TcpStream::connect(line.proxy.address()).await.unwrap();
    line.server = accept(&line.listener).await;
    line.client_sends(b"back").await;
    assert_eq!(&receive(&mut line.server).await, b"back");
}

#[tokio::test]
async fn even_a_cut_that_ends_at_once_resets_connections() {
    let mut line = Line::new().await;
    line.proxy.set(Condition::Cut);
    line.proxy.set(Condition::Open);
    assert_eq!(end(&mut line.client).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn bytes_on_a_stalled_link_pass_when_the_stall_ends() {
    let mut line = Line::new().await;
    line.proxy.set(Condition::Stalled);
    line.client_sends(b"one ").await;
    line.server.write_all(b"two ").await.unwrap();
    // This client disconnects, as after a timeout.
    let mut late = TcpStream::connect(line.proxy.address()).await.unwrap();
    late.write_all(b"late").await.unwrap();
    drop(late);
    assert!(receives_nothing(&mut line.server).await);
    assert!(receives_nothing(&mut line.client).await);

    line.proxy.set(Condition::Open);
    assert_eq!(&receive(&mut line.server).await, b"one ");
    assert_eq!(&receive(&mut line.client).await, b"two ");
    let mut late = accept(&line.listener).await;
    assert_eq!(&receive(&mut late).await, b"late");
    assert_eq!(end(&mut late).await, Ok(0));
}

#[tokio::test]
async fn a_cut_loses_the_bytes_of_a_stalled_link() {
    let mut line = Line::new().await;
    line.proxy.set(Condition::Stalled);
    line.client_sends(b"lost").await;
    assert!(receives_nothing(&mut line.server).await);
    line.proxy.set(Condition::Cut);
    assert_eq!(end(&mut line.server).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn a_delayed_link_delivers_later_and_in_order_and_delays_do_not_add_up() {
    const DELAY: Duration = Duration::from_millis(300);
    let mut line = Line::new().await;
    line.proxy.set(Condition::Delayed(DELAY));
    let start = Instant::now();
    for word in [b"one ", b"two ", b"then"] {
        line.client_sends(word).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for word in [b"one ", b"two ", b"then"] {
        assert_eq!(&receive(&mut line.server).await, word);
    }
    let took = start.elapsed();
    assert!(took >= DELAY && took < DELAY * 3, "{took:?}");

    let start = Instant::now();
    line.server.write_all(b"more").await.unwrap();
    assert_eq!(&receive(&mut line.client).await, b"more");
    assert!(start.elapsed() >= DELAY);
}

#[tokio::test]
async fn delayed_bytes_pass_at_once_when_the_delay_ends() {
    let mut line = Line::new().await;
    line.proxy.set(Condition::Delayed(Duration::from_hours(1)));
    line.client_sends(b"slow").await;
    assert!(receives_nothing(&mut line.server).await);
    line.proxy.set(Condition::Open);
    assert_eq!(&receive(&mut line.server).await, b"slow");
}

#[tokio::test]
async fn a_restarted_target_is_reached_again() {
    let mut line = Line::new().await;
    let address = line.listener.local_addr().unwrap();
    drop(line.listener);
    drop(line.server);
    assert_eq!(end(&mut line.client).await, Ok(0));
    assert!(is_refused(line.proxy.address()).await);

    let listener = eventually("the port is free", async || {
        TcpListener::bind(address).await
    })
    .await;
    let mut client = TcpStream::connect(line.proxy.address()).await.unwrap();
    let mut server = accept(&listener).await;
    client.write_all(b"back").await.unwrap();
    assert_eq!(&receive(&mut server).await, b"back");
}

#[tokio::test]
async fn a_reader_that_does_not_read_stops_its_writer() {
    let mut line = Line::new().await;
    let chunk = vec![0; 1 << 20];
    let writing = async {
        // Far more than the buffers of the link and of four sockets.
        for _ in 0..200 {
            line.client.write_all(&chunk).await.unwrap();
        }
    };
    assert!(timeout(Duration::from_secs(1), writing).await.is_err());
}

#[tokio::test]
async fn a_dropped_link_closes_its_connections() {
    let mut line = Line::new().await;
    let address = line.proxy.address();
    drop(line.proxy);
    assert!(matches!(end(&mut line.client).await, Ok(0) | Err(_)));
    assert!(matches!(end(&mut line.server).await, Ok(0) | Err(_)));
    eventually("the port is closed", async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
}
