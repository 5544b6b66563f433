//! Our end of a WebRTC session with a unit: a machine without sockets.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use bytes::BytesMut;
use rtc::data_channel::RTCDataChannelId;
use rtc::interceptor::Registry;
use rtc::media_stream::MediaStreamTrackId;
use rtc::peer_connection::configuration::interceptor_registry::{configure_nack, configure_rtcp_reports};
use rtc::peer_connection::configuration::media_engine::{MIME_TYPE_H264, MediaEngine};
use rtc::peer_connection::configuration::setting_engine::{SctpMaxMessageSize, SettingEngineBuilder};
use rtc::peer_connection::event::{
    RTCDataChannelEvent, RTCPeerConnectionEvent, RTCTrackEvent, RTCTrackEventInit,
};
use rtc::peer_connection::message::RTCMessage;
use rtc::peer_connection::sdp::RTCSessionDescription;
use rtc::peer_connection::state::RTCPeerConnectionState;
use rtc::peer_connection::transport::{
    CandidateConfig, CandidateHostConfig, RTCIceCandidate, RTCIceCandidateInit,
};
use rtc::peer_connection::{RTCPeerConnection, RTCPeerConnectionBuilder};
use rtc::rtcp::payload_feedbacks::picture_loss_indication::PictureLossIndication;
use rtc::rtp_transceiver::rtp_sender::{RTCRtpCodec, RTCRtpCodecParameters, RtpCodecKind};
use rtc::rtp_transceiver::{RTCRtpTransceiverDirection, RTCRtpTransceiverInit};
use rtc::sansio::Protocol;
use rtc::shared::{TaggedBytesMut, TransportContext, TransportProtocol};

use ironhand_kvm::h264::RtpPacket;
use ironhand_kvm::jetkvm::CHANNEL;

use super::gate::Gate;

/// Ways to reach a unit: it has one address or two.
const MOST_CANDIDATES: usize = 16;

/// The longest message in the data channel, in bytes: answers take some kilobytes.
const LONGEST_MESSAGE: u32 = 64 * 1024;

/// What of a session waits to be put together in the data channel, in bytes.
const RECEIVE_BUFFER: u32 = 256 * 1024;

/// Constrained baseline profile, level 3.1, as every receiver offers it. Units send high profile all the same.
const FORMAT: &str = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f";

/// The dynamic payload type of video (RFC 3551 section 6).
const PAYLOAD_TYPE: u8 = 102;

/// What happens in a session.
pub(super) enum Event {
    /// The data channel is open.
    Open,
    /// The session ended, or cannot come about.
    Failed,
    /// A message in the data channel.
    Message(BytesMut),
    /// A packet of video.
    Video(rtc::rtp::Packet),
}

/// Our end.
pub(super) struct Peer {
    connection: RTCPeerConnection,
    channel: RTCDataChannelId,
    local: SocketAddr,
    /// The only addresses that anything is taken from.
    unit: Vec<IpAddr>,
    candidates: usize,
    gate: Gate,
    track: Option<RTCTrackEventInit>,
    is_over: bool,
}

/// Why a session cannot be begun.
pub(super) type Fault = rtc::shared::error::Error;

impl Peer {
    /// Our end, at a local address, for a unit at these addresses; with the session description that is offered.
    pub(super) fn new(local: SocketAddr, unit: Vec<IpAddr>, now: Instant) -> Result<(Self, String), Fault> {
        let mut media = MediaEngine::default();
        let codec = RTCRtpCodec {
            mime_type: MIME_TYPE_H264.to_owned(),
            clock_rate: 90_000,
            channels: 0,
            sdp_fmtp_line: FORMAT.to_owned(),
            rtcp_feedback: vec![],
        };
        let codec = RTCRtpCodecParameters { rtp_codec: codec, payload_type: PAYLOAD_TYPE };
        media.register_codec(codec, RtpCodecKind::Video)?;
        let registry = configure_rtcp_reports(configure_nack(Registry::new(), &mut media));
        let second = |seconds| Some(Duration::from_secs(seconds));
        let settings = SettingEngineBuilder::new()
            .with_ice_timeouts(second(5), second(10), second(2))
            .with_multicast_dns_mode(rtc::ice::mdns::MulticastDnsMode::Disabled)
            .with_include_loopback_candidate(true)
            .with_sctp_max_message_size(SctpMaxMessageSize::Bounded(LONGEST_MESSAGE))
            .with_sctp_max_receive_buffer_size(RECEIVE_BUFFER)
            .build();
        let mut connection = RTCPeerConnectionBuilder::new()
            .with_setting_engine(settings)
            .with_media_engine(media)
            .with_interceptor_registry(registry)
            .build(now)?;
        let direction = RTCRtpTransceiverDirection::Recvonly;
        let receiving = RTCRtpTransceiverInit { direction, ..Default::default() };
        connection.add_transceiver_from_kind(RtpCodecKind::Video, Some(receiving))?;
        let channel = connection.create_data_channel(CHANNEL, None)?.id();
        let base_config = CandidateConfig {
            network: "udp".to_owned(),
            address: local.ip().to_string(),
            port: local.port(),
            component: 1,
            ..Default::default()
        };
        let candidate = CandidateHostConfig { base_config, ..Default::default() }.new_candidate_host()?;
        let offer = connection.create_offer(None)?;
        connection.set_local_description(now, offer)?;
        connection.add_local_candidate(RTCIceCandidate::from(&candidate).to_json()?)?;
        connection.add_local_candidate(RTCIceCandidateInit::default())?;
        let offered = connection.local_description().map(|description| description.sdp).unwrap_or_default();
        let gate = Gate::default();
        let peer =
            Self { connection, channel, local, unit, candidates: 0, gate, track: None, is_over: false };
        Ok((peer, offered))
    }

    /// Takes the unit's session description. The ways in it are taken as by [`Self::candidate`].
    pub(super) fn answer(&mut self, description: &str, now: Instant) -> Result<(), Fault> {
        let is_way = |line: &&str| line.starts_with("a=candidate:");
        let without: String =
            description.lines().filter(|line| !is_way(line)).flat_map(|line| [line, "\r\n"]).collect();
        self.gate.describe(&without);
        self.connection.set_remote_description(now, RTCSessionDescription::answer(without)?)?;
        for way in description.lines().filter(is_way) {
            self.candidate(&way[2..]);
        }
        Ok(())
    }

    /// Takes a way to reach the unit, where it is by UDP at its own address: nothing is sent to others because a unit says so.
    pub(super) fn candidate(&mut self, candidate: &str) {
        let mut words = candidate.split_ascii_whitespace();
        let (transport, address) = (words.nth(2), words.nth(1));
        let is_udp = transport.is_some_and(|name| name.eq_ignore_ascii_case("udp"));
        let address = address.and_then(|address| address.parse::<IpAddr>().ok());
        let address = address.filter(|address| is_udp && self.unit.contains(address));
        let port = words.next().and_then(|port| port.parse().ok());
        let (Some(address), Some(port), 0..MOST_CANDIDATES) = (address, port, self.candidates) else {
            tracing::debug!(candidate, "a way to a JetKVM is not taken");
            return;
        };
        self.candidates += 1;
        self.gate.name_sender(SocketAddr::new(address, port));
        let candidate = RTCIceCandidateInit { candidate: candidate.to_owned(), ..Default::default() };
        if let Err(error) = self.connection.add_remote_candidate(candidate) {
            tracing::debug!(%error, "a way to a JetKVM makes no sense");
        }
    }

    /// Whether any way to the unit is known.
    pub(super) const fn has_way(&self) -> bool {
        self.candidates > 0
    }

    /// Takes a packet. What others than the unit send, and what belongs to nothing that it told of, is dropped unread: false then.
    ///
    /// What happened is to be taken before the next one is given: the machines below hold back messages otherwise.
    pub(super) fn receive(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> bool {
        let sender = SocketAddr::new(from.ip().to_canonical(), from.port());
        if !self.unit.contains(&sender.ip()) || !self.gate.admits(sender, bytes) {
            return false;
        }
        let transport = TransportContext {
            local_addr: self.local,
            peer_addr: from,
            transport_protocol: TransportProtocol::UDP,
            ecn: None,
        };
        if let Err(error) =
            self.connection.handle_read(TaggedBytesMut { now, transport, message: BytesMut::from(bytes) })
        {
            tracing::trace!(%error, "a packet of a JetKVM makes no sense");
        }
        true
    }

    /// A deadline passed.
    pub(super) fn wake(&mut self, now: Instant) {
        if let Err(error) = self.connection.handle_timeout(now) {
            tracing::debug!(%error, "a timer of a session with a JetKVM failed");
        }
    }

    /// When to be woken next.
    pub(super) fn next_wake(&mut self) -> Option<Instant> {
        self.connection.poll_timeout()
    }

    /// A packet to send, and where to: to the unit, and nowhere else.
    pub(super) fn next_packet(&mut self) -> Option<(SocketAddr, BytesMut)> {
        loop {
            let packet = self.connection.poll_write()?;
            let to = packet.transport.peer_addr;
            if self.unit.contains(&to.ip().to_canonical()) {
                return Some((to, packet.message));
            }
        }
    }

    /// The next thing that happened.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        use RTCPeerConnectionState::{Closed, Disconnected, Failed};
        while let Some(event) = self.connection.poll_event() {
            match event {
                RTCPeerConnectionEvent::OnDataChannel(RTCDataChannelEvent::OnOpen(id))
                    if id == self.channel =>
                {
                    return Some(Event::Open);
                }
                RTCPeerConnectionEvent::OnDataChannel(
                    RTCDataChannelEvent::OnClose(id) | RTCDataChannelEvent::OnError(id),
                ) if id == self.channel => return Some(self.fail()),
                RTCPeerConnectionEvent::OnConnectionStateChangeEvent(Failed | Closed | Disconnected) => {
                    return Some(self.fail());
                }
                RTCPeerConnectionEvent::OnTrack(RTCTrackEvent::OnOpen(track)) => self.track = Some(track),
                _ => {}
            }
        }
        while let Some(read) = self.connection.poll_read() {
            match read.message {
                RTCMessage::DataChannelMessage(id, message) if id == self.channel => {
                    return Some(Event::Message(message.data));
                }
                RTCMessage::RtpPacket(track, packet) if self.is_video(&track) => {
                    return Some(Event::Video(packet));
                }
                _ => {}
            }
        }
        None
    }

    fn is_video(&self, track: &MediaStreamTrackId) -> bool {
        self.track.as_ref().is_some_and(|known| known.track_id == *track)
    }

    fn fail(&mut self) -> Event {
        self.is_over = true;
        Event::Failed
    }

    /// Sends a message in the data channel. False where it is not open, or full.
    pub(super) fn say(&mut self, now: Instant, text: String) -> bool {
        let Some(mut channel) = self.connection.data_channel(self.channel) else { return false };
        channel.send_text(now, text).is_ok()
    }

    /// Asks for a picture that stands for itself.
    pub(super) fn ask_for_key(&mut self, now: Instant) {
        let Some(track) = &self.track else { return };
        let (id, media_ssrc) = (track.receiver_id, track.ssrc);
        if let Some(mut receiver) = self.connection.rtp_receiver(id) {
            let asked = PictureLossIndication { sender_ssrc: 0, media_ssrc };
            if let Err(error) = receiver.write_rtcp(now, vec![Box::new(asked)]) {
                tracing::debug!(%error, "a JetKVM cannot be asked for a whole picture");
            }
        }
    }

    /// Ends the session; what is to be sent then says so to the unit.
    pub(super) fn close(&mut self) {
        if let Err(error) = self.connection.close() {
            tracing::debug!(%error, "a session with a JetKVM did not end in order");
        }
    }
}

/// A packet of video as it is put together.
pub(super) fn video(packet: &rtc::rtp::Packet) -> RtpPacket<'_> {
    RtpPacket {
        sequence: packet.header.sequence_number,
        timestamp: packet.header.timestamp,
        marker: packet.header.marker,
        payload: &packet.payload,
    }
}
