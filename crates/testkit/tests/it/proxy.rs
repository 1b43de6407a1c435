//! A link between a process and its dependency, in each of its conditions.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use testkit::{Condition, Proxy, eventually};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

const PATIENCE: Duration = Duration::from_secs(10);
/// Long enough for bytes that are not held back.
const MOMENT: Duration = Duration::from_millis(150);

/// A client and a server that are connected over a link.
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
        // Only what has passed something is through for certain.
        client.write_all(b"open").await.unwrap();
        assert_eq!(&hear(&mut server).await, b"open");
        Self {
            proxy,
            listener,
            client,
            server,
        }
    }

    async fn client_says(&mut self, word: &[u8; 4]) {
        self.client.write_all(word).await.unwrap();
    }
}

async fn accept(listener: &TcpListener) -> TcpStream {
    let accepted = timeout(PATIENCE, listener.accept()).await;
    accepted.expect("a connection").unwrap().0
}

async fn hear(stream: &mut TcpStream) -> [u8; 4] {
    let mut word = [0; 4];
    let heard = timeout(PATIENCE, stream.read_exact(&mut word)).await;
    heard.expect("a word").unwrap();
    word
}

/// What ends a stream on which nothing more is said.
async fn end(stream: &mut TcpStream) -> Result<usize, ErrorKind> {
    let read = timeout(PATIENCE, stream.read(&mut [0; 4])).await;
    read.expect("an end").map_err(|error| error.kind())
}

async fn hears_nothing(stream: &mut TcpStream) -> bool {
    timeout(MOMENT, stream.read(&mut [0; 4])).await.is_err()
}

/// Whether a connection to this address is closed before anything comes.
async fn is_turned_away(address: SocketAddr) -> bool {
    match TcpStream::connect(address).await {
        Ok(mut stream) => matches!(end(&mut stream).await, Ok(0) | Err(_)),
        Err(_) => true,
    }
}

#[tokio::test]
async fn much_passes_in_both_directions_and_each_ends_by_itself() {
    let Line {
        client,
        mut server,
        proxy: _proxy,
        ..
    } = Line::new().await;
    let sent: Vec<u8> = (0..8_000_000_u32).map(|n| n.to_le_bytes()[1]).collect();
    let (mut hearing, mut saying) = client.into_split();
    let asking = async {
        saying.write_all(&sent).await.unwrap();
        saying.shutdown().await.unwrap();
    };
    let answering = async {
        let mut heard = Vec::new();
        server.read_to_end(&mut heard).await.unwrap();
        // The other direction is still open.
        server.write_all(&heard).await.unwrap();
        server.shutdown().await.unwrap();
    };
    let reading = async {
        let mut answer = Vec::new();
        hearing.read_to_end(&mut answer).await.unwrap();
        answer
    };
    let all = async { tokio::join!(asking, answering, reading) };
    let ((), (), answer) = timeout(PATIENCE, all).await.expect("an echo");
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
async fn a_cut_resets_connections_and_turns_new_ones_away_until_it_is_over() {
    let mut line = Line::new().await;
    assert_eq!(line.proxy.condition(), Condition::Open);
    line.proxy.set(Condition::Cut);
    assert_eq!(line.proxy.condition(), Condition::Cut);
    assert_eq!(end(&mut line.client).await, Err(ErrorKind::ConnectionReset));
    assert_eq!(end(&mut line.server).await, Err(ErrorKind::ConnectionReset));
    assert!(is_turned_away(line.proxy.address()).await);

    line.proxy.set(Condition::Open);
    line.client = TcpStream::connect(line.proxy.address()).await.unwrap();
    line.server = accept(&line.listener).await;
    line.client_says(b"back").await;
    assert_eq!(&hear(&mut line.server).await, b"back");
}

#[tokio::test]
async fn a_cut_that_is_over_at_once_resets_connections_all_the_same() {
    let mut line = Line::new().await;
    line.proxy.set(Condition::Cut);
    line.proxy.set(Condition::Open);
    assert_eq!(end(&mut line.client).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn what_waits_on_a_stalled_link_passes_when_it_is_over() {
    let mut line = Line::new().await;
    line.proxy.set(Condition::Stalled);
    line.client_says(b"one ").await;
    line.server.write_all(b"two ").await.unwrap();
    // Its sender gives up and is gone, as a caller is that waited for long enough.
    let mut late = TcpStream::connect(line.proxy.address()).await.unwrap();
    late.write_all(b"late").await.unwrap();
    drop(late);
    assert!(hears_nothing(&mut line.server).await);
    assert!(hears_nothing(&mut line.client).await);

    line.proxy.set(Condition::Open);
    assert_eq!(&hear(&mut line.server).await, b"one ");
    assert_eq!(&hear(&mut line.client).await, b"two ");
    let mut late = accept(&line.listener).await;
    assert_eq!(&hear(&mut late).await, b"late");
    assert_eq!(end(&mut late).await, Ok(0));
}

#[tokio::test]
async fn a_stalled_link_that_is_cut_loses_what_waited() {
    let mut line = Line::new().await;
    line.proxy.set(Condition::Stalled);
    line.client_says(b"lost").await;
    assert!(hears_nothing(&mut line.server).await);
    line.proxy.set(Condition::Cut);
    assert_eq!(end(&mut line.server).await, Err(ErrorKind::ConnectionReset));
}

#[tokio::test]
async fn on_a_delayed_link_all_comes_later_and_in_order_and_delays_do_not_add_up() {
    const DELAY: Duration = Duration::from_millis(300);
    let mut line = Line::new().await;
    line.proxy.set(Condition::Delayed(DELAY));
    let start = Instant::now();
    for word in [b"one ", b"two ", b"then"] {
        line.client_says(word).await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for word in [b"one ", b"two ", b"then"] {
        assert_eq!(&hear(&mut line.server).await, word);
    }
    let took = start.elapsed();
    assert!(took >= DELAY && took < DELAY * 3, "{took:?}");

    let start = Instant::now();
    line.server.write_all(b"more").await.unwrap();
    assert_eq!(&hear(&mut line.client).await, b"more");
    assert!(start.elapsed() >= DELAY);
}

#[tokio::test]
async fn a_delay_that_ends_lets_all_that_is_under_way_pass_at_once() {
    let mut line = Line::new().await;
    line.proxy.set(Condition::Delayed(Duration::from_hours(1)));
    line.client_says(b"slow").await;
    assert!(hears_nothing(&mut line.server).await);
    line.proxy.set(Condition::Open);
    assert_eq!(&hear(&mut line.server).await, b"slow");
}

#[tokio::test]
async fn a_target_that_was_down_is_found_again_at_its_address() {
    let mut line = Line::new().await;
    let address = line.listener.local_addr().unwrap();
    drop(line.listener);
    drop(line.server);
    assert_eq!(end(&mut line.client).await, Ok(0));
    assert!(is_turned_away(line.proxy.address()).await);

    let listener = eventually("the port is free", async || {
        TcpListener::bind(address).await
    })
    .await;
    let mut client = TcpStream::connect(line.proxy.address()).await.unwrap();
    let mut server = accept(&listener).await;
    client.write_all(b"back").await.unwrap();
    assert_eq!(&hear(&mut server).await, b"back");
}

#[tokio::test]
async fn a_writer_whose_reader_does_not_read_is_held_up() {
    let mut line = Line::new().await;
    let chunk = vec![0; 1 << 20];
    let writing = async {
        // Far more than a link holds, and the buffers of four sockets.
        for _ in 0..200 {
            line.client.write_all(&chunk).await.unwrap();
        }
    };
    assert!(timeout(Duration::from_secs(1), writing).await.is_err());
}

#[tokio::test]
async fn a_link_that_is_dropped_takes_its_connections_along() {
    let mut line = Line::new().await;
    let address = line.proxy.address();
    drop(line.proxy);
    assert!(matches!(end(&mut line.client).await, Ok(0) | Err(_)));
    assert!(matches!(end(&mut line.server).await, Ok(0) | Err(_)));
    eventually("nobody listens", async || {
        TcpStream::connect(address).await.is_err()
    })
    .await;
}
