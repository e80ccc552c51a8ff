//! Packets to planes of samples, whoever decodes them.

use symphonia::core::codecs::audio::AudioDecoder;
use symphonia::core::errors::Result;
use symphonia::core::packet::Packet;

/// The decoder of one audio track.
pub(super) trait PacketDecoder: Send + Sync {
    /// The codec's short name, like `aac`.
    fn name(&self) -> &'static str;

    /// Decodes `packet` into one plane per channel, all of the same length, in place of what `planes`
    /// holds; returns their rate in hertz.
    fn decode(&mut self, packet: &Packet, planes: &mut Vec<Vec<f32>>) -> Result<u32>;

    /// Forgets what the packets so far have left behind.
    fn reset(&mut self);
}

/// Symphonia's own decoders, and those made for it.
impl PacketDecoder for Box<dyn AudioDecoder> {
    fn name(&self) -> &'static str {
        self.codec_info().short_name
    }

    fn decode(&mut self, packet: &Packet, planes: &mut Vec<Vec<f32>>) -> Result<u32> {
        let decoded = self.as_mut().decode(packet)?;
        decoded.copy_to_vecs_planar(planes);
        Ok(decoded.spec().rate())
    }

    fn reset(&mut self) {
        self.as_mut().reset();
    }
}
