package dev.gyre.comms.aeron;

import io.aeron.ChannelUriStringBuilder;
import io.aeron.CommonContext;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.util.List;

/** Aeron's names for the logs of a run: one log for every ordered pair of ranks. */
final class Channels {
  /** Few ranks get logs with room; many must share a small /dev/shm. */
  private static final int SMALL_RUN = 4;

  private static final int TERM_BYTES = 1 << 20;
  private static final int SMALL_TERM_BYTES = 256 << 10;
  private static final int TERMS_PER_LOG = 3;
  private static final int LOG_META_BYTES = 4096;

  private static final int IPC_MTU_BYTES = 16 << 10;

  /** Ethernet's 1500 less the headers, in whole frames. */
  private static final int UDP_MTU_BYTES = 1408;

  private static final int UDP_LOOPBACK_MTU_BYTES = 8 << 10;

  /** Aeron's default SO_RCVBUF, which all senders to one socket share. */
  private static final int RECEIVE_BUFFER_BYTES = 128 << 10;

  /** A window holds a few packets at least. */
  private static final int MIN_WINDOW_PACKETS = 4;

  private final AeronOptions options;
  private final int mtuBytes;

  Channels(AeronOptions options) {
    this.options = options;
    mtuBytes = !options.isUdp() ? IPC_MTU_BYTES : udpMtuBytes(options.endpoints());
  }

  private static int udpMtuBytes(List<String> endpoints) {
    for (String endpoint : endpoints) {
      int colon = endpoint.lastIndexOf(':');
      if (colon < 1) {
        throw new IllegalArgumentException("endpoint '" + endpoint + "' is not host:port");
      }
      String host = endpoint.substring(0, colon);
      try {
        if (!InetAddress.getByName(host).isLoopbackAddress()) {
          return UDP_MTU_BYTES;
        }
      } catch (UnknownHostException unknown) {
        throw new IllegalArgumentException(
            "host of endpoint '" + endpoint + "' is unknown", unknown);
      }
    }
    return UDP_LOOPBACK_MTU_BYTES;
  }

  private int termBytes() {
    return options.size() <= SMALL_RUN ? TERM_BYTES : SMALL_TERM_BYTES;
  }

  /** What the logs of all ranks take of the host's shared memory, at most. */
  long logBytes() {
    long logs = (long) options.size() * (options.size() - 1);
    return logs * (TERMS_PER_LOG * (long) termBytes() + LOG_META_BYTES);
  }

  /** Different in every epoch, so that nothing of an earlier one is even heard. */
  int stream(int from, int to) {
    return options.epoch() << 16 | from * options.size() + to;
  }

  String publication(int to) {
    ChannelUriStringBuilder uri = base().termLength(termBytes()).sparse(true);
    if (options.isUdp()) {
      uri.endpoint(options.endpoints().get(to));
    }
    return uri.mtu(mtuBytes).build();
  }

  String subscription() {
    ChannelUriStringBuilder uri = base();
    if (options.isUdp()) {
      int share = RECEIVE_BUFFER_BYTES / Math.max(1, options.size() - 1);
      uri.endpoint(options.endpoints().get(options.rank()));
      uri.receiverWindowLength(Math.max(share, MIN_WINDOW_PACKETS * mtuBytes));
    }
    return uri.build();
  }

  private ChannelUriStringBuilder base() {
    return new ChannelUriStringBuilder()
        .media(options.isUdp() ? CommonContext.UDP_MEDIA : CommonContext.IPC_MEDIA);
  }
}
