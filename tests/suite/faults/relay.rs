//! A TCP relay in front of a server that does what networks do: it cuts, stalls, refuses, or loses one side only.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The relay. It listens as long as the process lives.
pub struct Relay {
    pub port: u16,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    links: Mutex<Vec<(TcpStream, TcpStream)>>,
    refusing: AtomicBool,
    stalled: AtomicBool,
    /// The server is not told that a client is gone.
    silent: AtomicBool,
    /// Bytes towards the server until every connection is cut; negative: never.
    fuse: AtomicI64,
    cuts: AtomicU64,
}

impl Relay {
    /// Relays to `server` on the loopback interface.
    pub fn to(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = Arc::new(State { fuse: AtomicI64::new(-1), ..Default::default() });
        let shared = state.clone();
        std::thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if shared.refusing.load(Ordering::SeqCst) {
                    continue;
                }
                let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else { continue };
                let pair = |a: &TcpStream, b: &TcpStream| (a.try_clone().unwrap(), b.try_clone().unwrap());
                shared.links.lock().unwrap().push(pair(&client, &server));
                for ((from, to), counted) in [(pair(&client, &server), true), (pair(&server, &client), false)] {
                    let state = shared.clone();
                    std::thread::spawn(move || pump(from, to, &state, counted));
                }
            }
        });
        Self { port, state }
    }

    /// Cuts every connection on both sides.
    pub fn cut(&self) {
        self.state.cut();
    }

    /// Cuts the clients' side; the server does not notice until [`Self::cut`].
    pub fn cut_clients(&self) {
        self.state.silent.store(true, Ordering::SeqCst);
        for (client, _) in self.state.links.lock().unwrap().iter() {
            let _ = client.shutdown(Shutdown::Both);
        }
    }

    /// Cuts everything after this many bytes more have gone towards the server.
    pub fn cut_after(&self, bytes: u64) {
        self.state.fuse.store(i64::try_from(bytes).unwrap(), Ordering::SeqCst);
    }

    /// How often everything was cut.
    pub fn cuts(&self) -> u64 {
        self.state.cuts.load(Ordering::SeqCst)
    }

    /// Closes new connections at once, or not.
    pub fn refuse(&self, refuse: bool) {
        self.state.refusing.store(refuse, Ordering::SeqCst);
    }

    /// Holds every byte back, or lets them go on.
    pub fn stall(&self, stall: bool) {
        self.state.stalled.store(stall, Ordering::SeqCst);
    }
}

impl State {
    fn cut(&self) {
        self.cuts.fetch_add(1, Ordering::SeqCst);
        self.silent.store(false, Ordering::SeqCst);
        for (client, server) in self.links.lock().unwrap().drain(..) {
            let _ = client.shutdown(Shutdown::Both);
            let _ = server.shutdown(Shutdown::Both);
        }
    }

    /// Counts bytes towards the server; true when these are the ones the fuse waited for.
    fn burns(&self, bytes: usize) -> bool {
        let bytes = bytes as i64;
        let before =
            self.fuse.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| (left >= 0).then(|| (left - bytes).max(-1)));
        before.is_ok_and(|left| left < bytes)
    }
}

fn pump(mut from: TcpStream, mut to: TcpStream, state: &State, counted: bool) {
    let mut buffer = vec![0; 16 << 10];
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        while state.stalled.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(5));
        }
        if counted && state.burns(read) {
            // Half of it arrives: no message's border is spared.
            let _ = to.write_all(&buffer[..read / 2]);
            state.cut();
            break;
        }
        if to.write_all(&buffer[..read]).is_err() {
            break;
        }
    }
    if !(counted && state.silent.load(Ordering::SeqCst)) {
        let _ = to.shutdown(Shutdown::Both);
    }
}
