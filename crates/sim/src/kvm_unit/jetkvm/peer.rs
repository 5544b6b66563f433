//! The unit's end of a WebRTC session.

use std::net::SocketAddr;
use std::time::Instant;

use rtc::data_channel::RTCDataChannelId;
use rtc::interceptor::Registry;
use rtc::media_stream::MediaStreamTrack;
use rtc::peer_connection::configuration::interceptor_registry::{configure_nack, configure_rtcp_reports};
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::SettingEngineBuilder;
use rtc::peer_connection::event::{RTCDataChannelEvent, RTCPeerConnectionEvent};
use rtc::peer_connection::message::RTCMessage;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{
    CandidateConfig, CandidateHostConfig, RTCIceCandidate, RTCIceCandidateInit,
};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtp;
use rtc::rtp_transceiver::RTCRtpSenderId;
use rtc::rtp_transceiver::rtp_sender::{
    RTCRtpCodec, RTCRtpCodingParameters, RTCRtpEncodingParameters, RtpCodecKind,
};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

/// The most bytes of a packet's payload.
const PAYLOAD: usize = 1100;

/// Parts of a NAL unit, and several of them, in a packet (RFC 6184).
const FU_A: u8 = 28;
const STAP_A: u8 = 24;

/// What happens in a session.
pub(super) enum Event {
    /// The viewer can be reached: pictures may be sent.
    Connected,
    /// The channel of calls is open.
    Open,
    /// A call.
    Call(Vec<u8>),
    /// It is over.
    Over,
}

/// The unit's end.
pub(super) struct Peer {
    connection: RTCPeerConnection,
    sender: RTCRtpSenderId,
    channel: Option<RTCDataChannelId>,
    local: SocketAddr,
    ssrc: u32,
    sequence: u16,
}

pub(super) type Fault = rtc::shared::error::Error;

impl Peer {
    /// Answers an offer at a local address; with the session description of the answer, and the way to here.
    pub(super) fn answer(
        offer: &str,
        local: SocketAddr,
        ssrc: u32,
        now: Instant,
    ) -> Result<(Self, String, String), Fault> {
        let mut media = MediaEngine::default();
        media.register_default_codecs()?;
        let registry = configure_rtcp_reports(configure_nack(Registry::new(), &mut media));
        let settings = SettingEngineBuilder::new().with_include_loopback_candidate(true).build();
        let mut connection = RTCPeerConnectionBuilder::new()
            .with_setting_engine(settings)
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .build(now)?;
        let codec = RTCRtpCodec {
            mime_type: MIME_TYPE_H264.to_owned(),
            clock_rate: 90_000,
            channels: 0,
            sdp_fmtp_line: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
                .to_owned(),
            rtcp_feedback: vec![],
        };
        let coding = RTCRtpCodingParameters { ssrc: Some(ssrc), ..Default::default() };
        let encoding =
            RTCRtpEncodingParameters { rtp_coding_parameters: coding, codec, ..Default::default() };
        let text = str::to_owned;
        let track = MediaStreamTrack::new(
            text("kvm"),
            text("video"),
            text("video"),
            RtpCodecKind::Video,
            vec![encoding],
        );
        let sender = connection.add_track(track)?;
        connection.set_remote_description(now, RTCSessionDescription::offer(offer.to_owned())?)?;
        let base_config = CandidateConfig {
            network: text("udp"),
            address: local.ip().to_string(),
            port: local.port(),
            component: 1,
            ..Default::default()
        };
        let candidate = CandidateHostConfig { base_config, ..Default::default() }.new_candidate_host()?;
        let way = RTCIceCandidate::from(&candidate).to_json()?;
        connection.add_local_candidate(way.clone())?;
        let answer = connection.create_answer(None)?;
        connection.set_local_description(now, answer)?;
        let answered = connection.local_description().map(|description| description.sdp).unwrap_or_default();
        let peer = Self { connection, sender, channel: None, local, ssrc, sequence: 0 };
        Ok((peer, answered, way.candidate))
    }

    /// Takes a way to the viewer.
    pub(super) fn candidate(&mut self, candidate: String) {
        let candidate = RTCIceCandidateInit { candidate, ..Default::default() };
        if let Err(error) = self.connection.add_remote_candidate(candidate) {
            tracing::debug!(%error, "a way to a viewer makes no sense");
        }
    }

    pub(super) fn receive(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) {
        let transport = TransportContext {
            local_addr: self.local,
            peer_addr: from,
            transport_protocol: TransportProtocol::UDP,
            ecn: None,
        };
        if let Err(error) =
            self.connection.handle_read(TaggedBytesMut { now, transport, message: bytes.into() })
        {
            tracing::debug!(%error, "a packet of a viewer makes no sense");
        }
    }

    pub(super) fn wake(&mut self, now: Instant) {
        if let Err(error) = self.connection.handle_timeout(now) {
            tracing::debug!(%error, "a timer of a session failed");
        }
    }

    pub(super) fn next_wake(&mut self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    pub(super) fn next_packet(&mut self) -> Option<(SocketAddr, Vec<u8>)> {
        let packet = self.connection.poll_write()?;
        Some((packet.transport.peer_addr, packet.message.to_vec()))
    }

    pub(super) fn next_event(&mut self) -> Option<Event> {
        use RTCPeerConnectionState::{Closed, Connected, Failed};
        while let Some(event) = self.connection.poll_event() {
            match event {
                RTCPeerConnectionEvent::OnConnectionStateChangeEvent(Connected) => {
                    return Some(Event::Connected);
                }
                RTCPeerConnectionEvent::OnConnectionStateChangeEvent(Failed | Closed) => {
                    return Some(Event::Over);
                }
                RTCPeerConnectionEvent::OnDataChannel(RTCDataChannelEvent::OnOpen(id)) => {
                    let is_calls = |channel: rtc::data_channel::RTCDataChannel<'_>| channel.label() == "rpc";
                    if self.connection.data_channel(id).is_some_and(is_calls) {
                        self.channel = Some(id);
                        return Some(Event::Open);
                    }
                }
                _ => {}
            }
        }
        while let Some(read) = self.connection.poll_read() {
            // Requests for whole pictures are not heard, as real units do not.
            if let RTCMessage::DataChannelMessage(id, message) = read.message
                && self.channel == Some(id)
            {
                return Some(Event::Call(message.data.to_vec()));
            }
        }
        None
    }

    /// Sends a message in the channel of calls.
    pub(super) fn say(&mut self, now: Instant, text: String) {
        let Some(mut channel) = self.channel.and_then(|id| self.connection.data_channel(id)) else { return };
        if let Err(error) = channel.send_text(now, text) {
            tracing::debug!(%error, "a viewer is not told something");
        }
    }

    /// Bytes in the channel of calls that are not sent yet; none while it is not open.
    pub(super) fn unsent(&mut self) -> Option<usize> {
        self.channel
            .and_then(|id| self.connection.data_channel(id))
            .map(|channel| channel.outstanding_bytes())
    }

    /// Sends a picture.
    pub(super) fn show(&mut self, now: Instant, timestamp: u32, nals: &[Vec<u8>]) {
        let payloads = payloads(nals);
        let Some(mut sender) = self.connection.rtp_sender(self.sender) else { return };
        let codecs = &sender.get_parameters().rtp_parameters.codecs;
        let payload_type =
            codecs.iter().find(|codec| codec.rtp_codec.mime_type.eq_ignore_ascii_case(MIME_TYPE_H264));
        let Some(payload_type) = payload_type.map(|codec| codec.payload_type) else { return };
        let last = payloads.len().saturating_sub(1);
        for (number, payload) in payloads.into_iter().enumerate() {
            let header = rtp::Header {
                version: 2,
                marker: number == last,
                payload_type,
                sequence_number: self.sequence,
                timestamp,
                ssrc: self.ssrc,
                ..Default::default()
            };
            self.sequence = self.sequence.wrapping_add(1);
            if let Err(error) = sender.write_rtp(now, rtp::Packet { header, payload: payload.into() }) {
                tracing::debug!(%error, "a viewer is not shown a picture");
                return;
            }
        }
    }

    pub(super) fn close(&mut self) {
        if let Err(error) = self.connection.close() {
            tracing::debug!(%error, "a session did not end in order");
        }
    }
}

/// NAL units in packets: parameter sets together, long units in parts.
fn payloads(nals: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let is_parameters = |nal: &&Vec<u8>| nal.first().is_some_and(|head| matches!(head & 0x1f, 7 | 8));
    let mut payloads = Vec::new();
    let together = nals.iter().filter(is_parameters).fold(vec![0x60 | STAP_A], |mut together, nal| {
        together.extend(u16::try_from(nal.len()).unwrap_or_default().to_be_bytes());
        together.extend_from_slice(nal);
        together
    });
    if together.len() > 1 {
        payloads.push(together);
    }
    for nal in nals.iter().filter(|nal| !is_parameters(nal)) {
        let Some((head, rest)) = nal.split_first().filter(|_| nal.len() > PAYLOAD) else {
            payloads.push(nal.clone());
            continue;
        };
        let count = rest.len().div_ceil(PAYLOAD);
        payloads.extend(rest.chunks(PAYLOAD).enumerate().map(|(number, part)| {
            let (first, last) = (u8::from(number == 0) << 7, u8::from(number + 1 == count) << 6);
            [&[head & 0xe0 | FU_A, first | last | head & 0x1f], part].concat()
        }));
    }
    payloads
}
