//! Recorded sessions between other people's programs, as test vectors; see `testdata/ipmi/ORIGIN.md`.

use secrecy::SecretString;

use crate::keys::{Handshake, SecretKey};
use crate::packet::{Datagram, PayloadType, PlusPacket};
use crate::setup::{OpenSessionResponse, Rakp1, Rakp2, Rakp3, Rakp4};
use crate::suite::CipherSuite;

/// A recorded session, taken apart.
pub(crate) struct Recording {
    pub(crate) suite: CipherSuite,
    pub(crate) user: SecretKey,
    pub(crate) kg: SecretKey,
    /// All datagrams in order.
    pub(crate) datagrams: Vec<Vec<u8>>,
    pub(crate) sik: Vec<u8>,
    pub(crate) k1: Vec<u8>,
    pub(crate) k2: Vec<u8>,
}

/// All recorded sessions.
pub(crate) fn all() -> Vec<Recording> {
    let key = |text: &str| SecretKey::from_password(&SecretString::from(text)).unwrap();
    vec![
        read(
            CipherSuite::Suite3,
            key("secret"),
            key("secret"),
            include_str!("../../../testdata/ipmi/session-suite-3.txt"),
        ),
        read(
            CipherSuite::Suite17,
            key("secret"),
            key("topsecretkey"),
            include_str!("../../../testdata/ipmi/session-suite-17.txt"),
        ),
    ]
}

fn read(suite: CipherSuite, user: SecretKey, kg: SecretKey, text: &str) -> Recording {
    let mut recording = Recording { suite, user, kg, datagrams: vec![], sik: vec![], k1: vec![], k2: vec![] };
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let (name, hex) = line.split_once(' ').unwrap();
        let bytes: Vec<u8> =
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
        match name {
            ">" | "<" => recording.datagrams.push(bytes),
            "sik" => recording.sik = bytes,
            "k1" => recording.k1 = bytes,
            "k2" => recording.k2 = bytes,
            other => panic!("{other}?"),
        }
    }
    recording
}

impl Recording {
    /// All RMCP+ packets in order.
    pub(crate) fn packets(&self) -> impl Iterator<Item = PlusPacket<'_>> {
        self.datagrams.iter().filter_map(|bytes| match Datagram::decode(bytes).unwrap() {
            Datagram::Plus(packet) => Some(packet),
            _ => None,
        })
    }

    /// The payload of the only set-up message of this type.
    pub(crate) fn setup(&self, payload_type: PayloadType) -> &[u8] {
        let mut found = self.packets().filter(|packet| packet.payload_type == payload_type);
        found.next().unwrap().clear_payload().unwrap()
    }

    /// What both sides knew after RAKP message 2.
    pub(crate) fn handshake(&self) -> Handshake {
        let response = OpenSessionResponse::decode(self.setup(PayloadType::OpenSessionResponse)).unwrap();
        let rakp1 = Rakp1::decode(self.setup(PayloadType::Rakp1)).unwrap();
        let proof = Rakp2::decode(self.setup(PayloadType::Rakp2)).unwrap().outcome.unwrap();
        Handshake {
            algorithms: self.suite.algorithms(),
            console_session: response.console_session,
            bmc_session: response.outcome.unwrap().bmc_session,
            console_random: rakp1.console_random,
            bmc_random: proof.bmc_random,
            guid: proof.guid,
            role: rakp1.role,
            name: rakp1.name,
        }
    }

    pub(crate) fn rakp2_code(&self) -> Vec<u8> {
        Rakp2::decode(self.setup(PayloadType::Rakp2)).unwrap().outcome.unwrap().code
    }

    pub(crate) fn rakp3_code(&self) -> Vec<u8> {
        Rakp3::decode(self.setup(PayloadType::Rakp3)).unwrap().outcome.unwrap()
    }

    pub(crate) fn rakp4_value(&self) -> Vec<u8> {
        Rakp4::decode(self.setup(PayloadType::Rakp4)).unwrap().outcome.unwrap()
    }
}
