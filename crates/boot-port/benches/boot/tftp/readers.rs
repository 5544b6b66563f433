//! Clients that read, many on one thread. Each octet that arrives is compared.

use std::io::{self, IoSliceMut};
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use ironhand_tftp::{Client, ClientEvent, ClientOutput, Download};
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrIn, recvmmsg, setsockopt, sockopt};

use crate::Result;

/// Datagrams of one system call.
const BATCH: usize = 32;
const ROOM: usize = 2_048;

/// What all of them did.
pub struct Tally {
    pub done: usize,
    pub octets: u64,
    pub wall: Duration,
    /// Granted to the last one.
    pub windowsize: u16,
    /// How often a client waited in vain.
    pub timeouts: usize,
}

struct Reader {
    client: Client,
    socket: UdpSocket,
    /// Where the server answers from. The socket is connected to it, which costs less for each datagram.
    peer: Option<SocketAddr>,
    got: usize,
    over: bool,
}

pub struct Readers<'a> {
    epoll: Epoll,
    readers: Vec<Reader>,
    expected: &'a [u8],
    tally: Tally,
    wrong: Option<String>,
}

impl<'a> Readers<'a> {
    /// Clients in the network namespace of this thread.
    pub fn new(server: SocketAddr, download: &Download, clients: usize, expected: &'a [u8]) -> Result<Self> {
        let epoll = Epoll::new(EpollCreateFlags::empty())?;
        let mut readers = Vec::new();
        for number in 0..clients {
            let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
            socket.set_nonblocking(true)?;
            setsockopt(&socket, sockopt::RcvBuf, &(1 << 20))?;
            epoll.add(&socket, EpollEvent::new(EpollFlags::EPOLLIN, number as u64))?;
            let client = Client::new(Instant::now(), server, download.clone());
            readers.push(Reader { client, socket, peer: None, got: 0, over: false });
        }
        let tally = Tally { done: 0, octets: 0, wall: Duration::ZERO, windowsize: 1, timeouts: 0 };
        Ok(Self { epoll, readers, expected, tally, wrong: None })
    }

    /// Reads until all are over.
    pub fn run(mut self) -> Result<Tally> {
        let began = Instant::now();
        let mut buffer = vec![0; BATCH * ROOM];
        let mut events = [EpollEvent::empty(); 256];
        let mut over = 0;
        let mut looked = began;
        for number in 0..self.readers.len() {
            over += usize::from(self.send(number)?);
        }
        while over < self.readers.len() {
            let count = self.epoll.wait(&mut events, EpollTimeout::from(100_u8))?;
            for event in &events[..count] {
                let number = event.data() as usize;
                self.receive(number, &mut buffer)?;
                over += usize::from(self.send(number)?);
            }
            let now = Instant::now();
            if now - looked >= Duration::from_millis(100) {
                looked = now;
                for number in 0..self.readers.len() {
                    let reader = &mut self.readers[number];
                    if reader.client.next_wake().is_some_and(|wake| wake <= now) {
                        self.tally.timeouts += 1;
                        reader.client.wake(now);
                        over += usize::from(self.send(number)?);
                    }
                }
            }
        }
        self.tally.wall = began.elapsed();
        match self.wrong {
            Some(wrong) => Err(wrong.into()),
            None => Ok(self.tally),
        }
    }

    fn receive(&mut self, number: usize, buffer: &mut [u8]) -> Result<()> {
        let reader = &mut self.readers[number];
        let now = Instant::now();
        if self.tally.windowsize == 1 {
            let taken = match reader.peer {
                Some(peer) => reader.socket.recv(buffer).map(|length| (length, peer)),
                None => reader.socket.recv_from(buffer),
            };
            let (length, from) = match taken {
                Ok(taken) => taken,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            };
            take(reader, now, from, &buffer[..length], self.expected, &mut self.wrong);
            return Ok(());
        }
        let mut lengths = [(0, None); BATCH];
        let mut count = 0;
        {
            let mut places: Vec<_> =
                buffer.chunks_exact_mut(ROOM).map(|place| [IoSliceMut::new(place)]).collect();
            let mut headers = MultiHeaders::<SockaddrIn>::preallocate(BATCH, None);
            let taken =
                recvmmsg(reader.socket.as_raw_fd(), &mut headers, &mut places, MsgFlags::MSG_DONTWAIT, None);
            for message in taken.into_iter().flatten() {
                lengths[count] = (message.bytes, message.address.map(|from| SocketAddr::V4(from.into())));
                count += 1;
            }
        }
        for (place, (length, from)) in buffer.chunks_exact(ROOM).zip(lengths).take(count) {
            if let Some(from) = from {
                take(reader, now, from, &place[..length], self.expected, &mut self.wrong);
            }
        }
        Ok(())
    }

    /// Sends what a client has to send. Says whether it is over with that.
    fn send(&mut self, number: usize) -> Result<bool> {
        let reader = &mut self.readers[number];
        let before = reader.over;
        while let Some(output) = reader.client.next_output() {
            match output {
                ClientOutput::Send { bytes, .. } if reader.peer.is_some() => {
                    reader.socket.send(&bytes)?;
                }
                ClientOutput::Send { to, bytes } => drop(reader.socket.send_to(&bytes, to)?),
                ClientOutput::Event(ClientEvent::Agreed(options)) => {
                    self.tally.windowsize = options.windowsize.unwrap_or(1);
                }
                ClientOutput::Event(ClientEvent::Done { .. }) => {
                    if reader.got == self.expected.len() {
                        self.tally.done += 1;
                    }
                    self.tally.octets += reader.got as u64;
                    reader.over = true;
                }
                ClientOutput::Event(ClientEvent::Failed(failure)) => {
                    if self.expected.len() > 1 {
                        eprintln!("    a client failed after {} octets: {failure}", reader.got);
                    }
                    reader.over = true;
                }
            }
        }
        Ok(reader.over && !before)
    }
}

fn take(
    reader: &mut Reader,
    now: Instant,
    from: SocketAddr,
    bytes: &[u8],
    expected: &[u8],
    wrong: &mut Option<String>,
) {
    let fresh = reader.client.receive(now, from, bytes);
    if reader.peer.is_none() && reader.socket.connect(from).is_ok() {
        reader.peer = Some(from);
    }
    let until = reader.got + fresh.len();
    if expected.get(reader.got..until) != Some(fresh) {
        *wrong = Some(format!("the octets from {} on are not those of the file", reader.got));
    }
    reader.got = until;
}
