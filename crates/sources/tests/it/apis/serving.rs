//! A server in this process, on loopback, for as long as its test.

use std::net::SocketAddr;

use axum::{Router, serve::Listener};
use tokio::{net::TcpListener, task::JoinHandle};

pub struct Serving {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Serving {
    pub async fn start(router: Router) -> Self {
        Self::on(TcpListener::bind("127.0.0.1:0").await.unwrap(), router)
    }

    pub fn on<L: Listener<Addr = SocketAddr>>(listener: L, router: Router) -> Self {
        let address = listener.local_addr().unwrap();
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, task }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        self.task.abort();
    }
}
