//! A door in front of a server: when keyward's second connection of a run knocks, something is done first.
//!
//! Keyward looks at its rights on its first connection and works on the second. What is taken away in between is
//! missed by the statement that needs it, and not by the look at the rights.

use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

type Deed = Box<dyn FnOnce() + Send>;

pub struct Door {
    pub port: u16,
    /// How many may pass before it, and what is done then.
    armed: Arc<Mutex<Option<(usize, Deed)>>>,
}

impl Door {
    pub fn before(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let armed = Arc::new(Mutex::new(None::<(usize, Deed)>));
        let shared = Arc::clone(&armed);
        std::thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                let mut armed = shared.lock().unwrap();
                match armed.take() {
                    Some((0, deed)) => deed(),
                    Some((more, deed)) => *armed = Some((more - 1, deed)),
                    None => {}
                }
                if let Ok(server) = TcpStream::connect(("127.0.0.1", server)) {
                    pass(&client, &server);
                    pass(&server, &client);
                }
            }
        });
        Self { port, armed }
    }

    pub fn before_the_second(&self, deed: impl FnOnce() + Send + 'static) {
        *self.armed.lock().unwrap() = Some((1, Box::new(deed)));
    }

    /// Whether the deed was done; it never is from now on.
    pub fn is_disarmed(&self) -> bool {
        self.armed.lock().unwrap().take().is_none()
    }
}

fn pass(from: &TcpStream, to: &TcpStream) {
    let (mut from, mut to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
    std::thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(std::net::Shutdown::Both);
    });
}
